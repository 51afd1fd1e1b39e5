package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Sources say where values come from. A later field counts more than an earlier one.
type Sources struct {
	File  string         // a YAML file; empty is none. The flag --config counts more
	Env   []string       // as os.Environ returns it
	Flags *pflag.FlagSet // with the flags of AddFlags, parsed; may be nil
}

// Default returns the configuration where nothing is set.
func Default() Config {
	c, err := Load(Sources{})
	if err != nil {
		panic(err) // the defaults are written in this package
	}
	return c
}

// Load reads all sources and checks everything. The error is a Mistakes with all that is wrong.
func Load(s Sources) (Config, error) {
	l := &loader{options: Options(), merged: koanf.New(".")}
	l.defaults()
	l.file(s)
	l.environment(s.Env)
	l.flags(s.Flags)
	var c Config
	for _, o := range l.options {
		l.decode(o, reflect.ValueOf(&c).Elem().FieldByIndex(o.field.Index))
	}
	c.settle()
	l.mistakes = append(l.mistakes, c.contradictions()...)
	if len(l.mistakes) > 0 {
		return Config{}, l.mistakes
	}
	return c, nil
}

// Mistakes are all that is wrong with a configuration, one line each.
type Mistakes []string

func (m Mistakes) Error() string {
	if len(m) == 1 {
		return "the configuration has a mistake:\n  " + m[0]
	}
	return fmt.Sprintf("the configuration has %d mistakes:\n  %s", len(m), strings.Join(m, "\n  "))
}

// A loader merges the layers and remembers which one each value is from.
type loader struct {
	options  []Option
	merged   *koanf.Koanf
	layers   []layer
	mistakes Mistakes
}

type layer struct {
	values *koanf.Koanf
	name   func(Option) string // of an option, as whoever wrote the value knows it
}

func (l *loader) mistake(format string, args ...any) {
	l.mistakes = append(l.mistakes, fmt.Sprintf(format, args...))
}

func (l *loader) add(p koanf.Provider, name func(Option) string) {
	layer := layer{values: koanf.New("."), name: name}
	if err := layer.values.Load(p, nil); err != nil {
		l.mistake("%v", err)
		return
	}
	if err := l.merged.Merge(layer.values); err != nil {
		l.mistake("%v", err)
	}
	l.layers = append(l.layers, layer)
}

func (l *loader) defaults() {
	values := make(map[string]any)
	for _, o := range l.options {
		values[o.Key] = o.Default
	}
	l.add(confmap.Provider(values, "."), func(o Option) string { return o.Key })
}

func (l *loader) file(s Sources) {
	name := s.File
	if s.Flags != nil && s.Flags.Changed("config") {
		name, _ = s.Flags.GetString("config")
	}
	if name == "" {
		return
	}
	raw := koanf.New(".")
	if err := raw.Load(file.Provider(name), yaml.Parser()); err != nil {
		l.mistake("%s: %v", name, strings.ReplaceAll(err.Error(), "\n", ";"))
		return
	}
	known := make(map[string]any)
	for _, key := range raw.Keys() {
		if !slices.ContainsFunc(l.options, func(o Option) bool { return o.Key == key }) {
			l.mistake("%s: unknown option %s", name, key)
			continue
		}
		known[key] = raw.Get(key)
	}
	l.add(confmap.Provider(known, "."), func(o Option) string { return name + ": " + o.Key })
}

func (l *loader) environment(environ []string) {
	byEnv := make(map[string]string)
	for _, o := range l.options {
		byEnv[o.Env] = o.Key
	}
	l.add(env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			key, ok := byEnv[name]
			if !ok && !reserved(name) {
				l.mistake("%s: unknown option", name)
			}
			if value == "" { // as compose files and shells leave it where nothing is meant
				return "", nil
			}
			return key, value
		},
	}), func(o Option) string { return o.Env })
}

// reserved reports whether a variable is for tests, not for the configuration.
func reserved(name string) bool {
	return strings.HasPrefix(name, envPrefix+"TEST_") || name == envPrefix+"FAILPOINT"
}

func (l *loader) flags(fs *pflag.FlagSet) {
	if fs == nil {
		return
	}
	byFlag := make(map[string]string)
	for _, o := range l.options {
		byFlag[o.Flag] = o.Key
	}
	l.add(posflag.ProviderWithFlag(fs, ".", nil, func(f *pflag.Flag) (string, any) {
		return byFlag[f.Name], f.Value.String()
	}), func(o Option) string { return "--" + o.Flag })
}

// decode sets an option's field from the last layer that has a value for it.
func (l *loader) decode(o Option, field reflect.Value) {
	var name string
	for _, layer := range l.layers {
		if layer.values.Exists(o.Key) {
			name = layer.name(o)
		}
	}
	text, err := text(l.merged.Get(o.Key))
	if err == nil {
		err = set(field, o, text)
	}
	if err != nil {
		l.mistake("%s: %v", name, err)
	}
}
