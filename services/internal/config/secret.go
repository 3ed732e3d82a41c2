// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

const maxTokenBytes = 64 << 10

// masked is what every printer gets to see of a Secret.
const masked = "[segreto]"

// Secret is a token that no printer shows: fmt with any verb, JSON, YAML, text
// and slog all give "[segreto]". Convert it to a string only where it is sent.
//
// Keep it in a variable or an exported field, never in a map's key: fmt cannot
// call the methods of an unexported field and encoding/json does not call those
// of a key of kind string, so both would print its bytes.
type Secret string

// String hides the secret.
func (Secret) String() string { return masked }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return masked }

// Format hides the secret from every verb: on a verb that is wrong for
// strings, as %d, fmt skips String and prints the value.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText hides the secret from XML, flags and the like.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// MarshalJSON hides the secret from JSON.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }

// MarshalYAML hides the secret from YAML.
func (Secret) MarshalYAML() (any, error) { return masked, nil }

// Token reads the channel's token as a bare string, for the line that hands it
// to the network's client. Keep it no longer than that; see Secret.
func (c Channel) Token() (string, error) {
	s, _, err := c.Secret()
	return string(s), err
}

// Secret reads the channel's token anew, so that a rotated file is seen. The
// note, when not empty, is a warning for the operator; it never holds the
// token, nor does the error.
func (c Channel) Secret() (token Secret, note string, err error) {
	var raw, where string
	if c.TokenFile != "" {
		where = "il file " + c.tokenPath()
		raw, note, err = readTokenFile(c.tokenPath())
	} else {
		where = "la variabile " + c.TokenEnv
		raw = os.Getenv(c.TokenEnv)
	}
	if err == nil {
		raw, err = cleanToken(raw, where)
	}
	if err != nil {
		return "", "", fmt.Errorf("canale %s: token non disponibile (channel token not available): %w", c.ID, err)
	}
	return Secret(raw), note, nil
}

func (c Channel) tokenPath() string {
	if filepath.IsAbs(c.TokenFile) {
		return c.TokenFile
	}
	return filepath.Join(c.dir, c.TokenFile)
}

func readTokenFile(path string) (raw, note string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	if !info.Mode().IsRegular() { // a pipe would block the house
		return "", "", fmt.Errorf("%s non è un file normale (not a regular file)", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxTokenBytes+1))
	if err != nil {
		return "", "", err
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		note = fmt.Sprintf("%s è leggibile anche da altri (permessi %04o): chmod 600 (others can read it)", path, perm)
	}
	return string(b), note, nil
}

// cleanToken refuses what would end up, broken, in an address or a header.
func cleanToken(raw, where string) (string, error) {
	token := strings.TrimSpace(raw)
	switch {
	case token == "":
		return "", errors.New(where + ": vuoto o assente, scriverci il token (empty or missing)")
	case len(token) > maxTokenBytes:
		return "", errors.New(where + ": troppo lungo per un token (too long for a token)")
	case strings.ContainsFunc(token, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return "", errors.New(where + ": il token ha spazi o più righe (the token has spaces or several lines)")
	}
	return token, nil
}
