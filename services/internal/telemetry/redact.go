// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"bytes"
	"io"
	"regexp"
)

// Masked stands in place of a secret.
const Masked = "[segreto]"

// secrets are the shapes of what must never be read by whoever reads logs: a Telegram bot's token (also
// with its colon escaped in a URL), a bearer of ours, a password in a URL.
var secrets = regexp.MustCompile(
	`\d{6,}(?::|%3[Aa])[A-Za-z0-9_-]{30,}` +
		`|\bpal_[A-Za-z0-9_-]{8,}` +
		`|://[^\s/@"']*:[^\s/@"']+@`)

// HasSecret tells whether b holds something of the shape of a secret.
func HasSecret(b []byte) bool { return secrets.Match(b) }

// Redact masks everything in b that has the shape of a secret.
func Redact(b []byte) []byte {
	return secrets.ReplaceAllFunc(b, func(found []byte) []byte {
		if bytes.HasPrefix(found, []byte("://")) {
			return []byte("://" + Masked + "@")
		}
		return []byte(Masked)
	})
}

// redacting masks whole lines on their way out: attributes, groups, errors and messages alike, whatever
// a later version of a library puts into them. A slog handler makes one Write of each record.
type redacting struct{ to io.Writer }

func (r redacting) Write(p []byte) (int, error) {
	if !secrets.Match(p) {
		return r.to.Write(p)
	}
	if _, err := r.to.Write(Redact(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
