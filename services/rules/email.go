// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"strings"
	"unicode"

	"github.com/palinsesto/palinsesto/services/network"
)

func (k *checker) email() {
	if s := k.c.ContactEmail; s != "" && !validEmail(s) {
		k.refuse(codeEmail, "contact_email", "Non è un indirizzo e-mail completo. Scriverlo come ufficio@esempio.it.",
			"This is no complete e-mail address. Write it like office@example.org.")
	}
}

// validEmail takes what an office's address looks like: a dot-atom (RFC 5322, section 3.2.3), @, and a
// name with a top-level domain. net/mail would also take "a@b", quoted strings and comments.
func validEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > maxEmail {
		return false
	}
	for _, atom := range strings.Split(s[:at], ".") {
		if atom == "" || strings.IndexFunc(atom, notInAtom) >= 0 {
			return false
		}
	}
	host := s[at+1:]
	if strings.HasSuffix(host, ".") || strings.Contains(host, "_") || !network.ValidHost(host, 2) {
		return false
	}
	top := host[strings.LastIndexByte(host, '.')+1:]
	return strings.HasPrefix(strings.ToLower(top), "xn--") || strings.IndexFunc(top, unicode.IsDigit) < 0
}

func notInAtom(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}
