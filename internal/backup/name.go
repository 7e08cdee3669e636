package backup

import (
	"fmt"
	"strings"
)

// CheckName tells why a word cannot be the name of a backup: it holds other characters than ASCII letters, digits, dots
// and dashes, begins with a dot or a dash, or is longer than 200.
func CheckName(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	if name == "" || len(name) > 200 || name[0] == '.' || name[0] == '-' || strings.Trim(name, letters+".-") != "" {
		return fmt.Errorf("%.210q is not a name for a backup (letters, digits, dots and dashes)", name)
	}
	return nil
}

// CheckReason gives ErrReason for an empty one.
func CheckReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return ErrReason
	}
	return nil
}

// CheckDelete tells why a backup cannot be deleted: ErrReason for an empty reason, ErrMissing for what cannot be a
// name.
func CheckDelete(name, reason string) error {
	if err := CheckReason(reason); err != nil {
		return err
	}
	if err := CheckName(name); err != nil {
		return As(ErrMissing, err)
	}
	return nil
}

// CheckSpace gives ErrFull when less is free at a location than must be, in bytes.
func CheckSpace(location string, free, least int64) error {
	if free < least {
		return fmt.Errorf("%w: %s has %d MB, at least %d are wanted", ErrFull, location, free>>20, least>>20)
	}
	return nil
}

// As gives err unchanged in its text, matching a sentinel of this package too.
func As(sentinel, err error) error { return as{sentinel, err} }

type as struct{ sentinel, err error }

func (a as) Error() string   { return a.err.Error() }
func (a as) Unwrap() []error { return []error{a.err, a.sentinel} }
