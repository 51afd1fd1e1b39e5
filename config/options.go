package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/spf13/pflag"
)

const envPrefix = "BLINKDRIVE_"

// An Option is one row of the table of what can be set.
type Option struct {
	Key     string // in the file, with dots between levels
	Env     string
	Flag    string // without the dashes
	Default string
	Help    string

	field reflect.StructField
}

// Options returns all options in the order of Config's fields.
func Options() []Option {
	var opts []Option
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		key := f.Tag.Get("key")
		opts = append(opts, Option{
			Key:     key,
			Env:     envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_")),
			Flag:    strings.NewReplacer(".", "-", "_", "-").Replace(key),
			Default: f.Tag.Get("def"),
			Help:    helpOf(f.Tag),
			field:   f,
		})
	}
	return opts
}

// helpOf names the values too, where there is a choice between a few.
func helpOf(tag reflect.StructTag) string {
	if values := split(tag.Get("one")); len(values) > 1 {
		return tag.Get("help") + " (" + strings.Join(values, ", ") + ")"
	}
	return tag.Get("help")
}

// AddFlags defines a flag for each option and --config for the file. The flags hold what was given, not the defaults:
// Load knows them.
func AddFlags(fs *pflag.FlagSet) {
	fs.String("config", "", "configuration `FILE`, in YAML")
	for _, o := range Options() {
		fs.String(o.Flag, o.Default, o.Help)
		if o.field.Type.Kind() == reflect.Bool {
			fs.Lookup(o.Flag).NoOptDefVal = "on"
		}
	}
}

// Table returns the options as a Markdown table, which docs/configuration.md contains.
func Table() string {
	var b strings.Builder
	b.WriteString("| variable | default | |\n|---|---|---|\n")
	for _, o := range Options() {
		def := ""
		if o.Default != "" {
			def = "`" + o.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", o.Env, def, o.Help)
	}
	return b.String()
}
