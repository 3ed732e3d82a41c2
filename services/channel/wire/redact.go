// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	maxRaw = 2 << 10
	mask   = "[…]"
)

// Redact takes secrets out of a text, as they are and as a URL or a form would escape them.
func Redact(text string, secrets ...string) string {
	for _, s := range secrets {
		if s == "" {
			continue
		}
		query := url.QueryEscape(s)
		for _, form := range []string{s, query, lowerEscapes(query), url.PathEscape(s)} {
			if strings.Contains(text, form) {
				text = strings.ReplaceAll(text, form, mask)
			}
		}
	}
	return text
}

// lowerEscapes writes %3A as %3a.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(s[i+1:i+3]))
		}
	}
	return string(b)
}

// Raw is a text as it may be kept: without secrets, valid UTF-8, at most 2 KiB. Secrets go out before it is cut, else
// half of one would stay.
func Raw(text string, secrets ...string) string {
	return Clip(strings.ToValidUTF8(Redact(text, secrets...), "�"), maxRaw)
}

// Clip cuts a text to at most n bytes, on the boundary of a rune.
func Clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// quiet answers errors.Is and errors.As like the error it holds, and shows its text without secrets.
type quiet struct {
	text string
	err  error
}

// Quiet keeps the kind of an error and takes secrets out of its text.
func Quiet(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	return quiet{text: Raw(err.Error(), secrets...), err: err}
}

func (q quiet) Error() string        { return q.text }
func (q quiet) Is(target error) bool { return errors.Is(q.err, target) }
func (q quiet) As(target any) bool   { return errors.As(q.err, target) }
