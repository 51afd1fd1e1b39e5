package service

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/blinkdrive/blinkdrive/store"
)

// CleanName returns the name that an entry gets for the one a user gave: in NFC, so that what looks alike is alike.
// Invalid: no entry may have it.
func CleanName(name string) (string, error) {
	name = norm.NFC.String(name)
	if strings.ContainsFunc(name, unicode.IsControl) {
		return "", errorf(Invalid, "a name must not contain control characters")
	}
	if err := store.CheckName(name); err != nil {
		return "", nameError(err)
	}
	return name, nil
}

// CleanPath returns the path that a user gave as in "/a/b", its names in NFC. The empty path is the root.
func CleanPath(path string) (store.Path, error) {
	path = norm.NFC.String(path)
	if strings.ContainsFunc(path, unicode.IsControl) {
		return nil, errorf(Invalid, "a path must not contain control characters")
	}
	p, err := store.ParsePath(path)
	if err != nil {
		return nil, nameError(err)
	}
	return p, nil
}

// nameError says what is wrong with a name; the stores' messages about names are fit to be shown.
func nameError(err error) error {
	msg := strings.Replace(err.Error(), store.ErrInvalid.Error()+": ", "", 1)
	return &Error{Kind: Invalid, Msg: msg, Cause: err}
}
