package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

const hidden = "(hidden)"

// Dump writes what is in force, in the form of the environment, secrets hidden.
func (c *Config) Dump() string {
	var b strings.Builder
	for _, o := range Options() {
		value := format(reflect.ValueOf(c).Elem().FieldByIndex(o.field.Index).Interface())
		fmt.Fprintf(&b, "%s=%s\n", o.Env, hide(o.field.Tag.Get("hide"), value))
	}
	return b.String()
}

// password finds what stands between a name and the last @, behind :// or mysql: .
var password = regexp.MustCompile(`(://[^:/@]*|^mysql:[^:/@]*):.*@`)

// query is what follows a question mark, and suspicious what may be a password in a place where none is looked for.
var (
	query      = regexp.MustCompile(`\?.*`)
	suspicious = regexp.MustCompile(`[@?\s]|^mysql:[^/(]*:`)
)

func hide(what, value string) string {
	switch {
	case value == "":
		return ""
	case what == "all":
		return hidden
	case what == "password" && password.MatchString(value):
		return query.ReplaceAllString(password.ReplaceAllString(value, "$1:"+hidden+"@"), "?"+hidden)
	case what == "password" && suspicious.MatchString(value):
		return hidden
	}
	return value
}
