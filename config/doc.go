// Package config is the drive's configuration: one struct, whose fields say their name, default and meaning.
//
// It owns where a value comes from (defaults, then the YAML file, then the environment, then flags, the last one
// counting), how sizes and durations are written, and what is a mistake. All mistakes are reported at once, unknown
// names among them. It knows nothing of what the values are used for, and opens nothing.
package config
