// SPDX-License-Identifier: AGPL-3.0-or-later

package network

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

const maxLink = 2048 // bytes

// FaultOfLink tells what makes s no address of a page on the web, as the end of a sentence that begins
// with "the link"; empty: nothing does. It is the one rule for the link of a document, those inside a
// variant, and that of a post which a person has found.
func FaultOfLink(s string) (it, en string) {
	if len(s) > maxLink {
		return fmt.Sprintf("è di %d byte, il massimo è %d. Usarne uno più corto.", len(s), maxLink),
			fmt.Sprintf("has %d bytes, at most %d are taken. Use a shorter one.", len(s), maxLink)
	}
	if strings.IndexFunc(s, unseen) >= 0 {
		return "contiene caratteri che non si vedono: si leggerebbe un indirizzo e se ne aprirebbe un altro. Copiarlo dalla barra del browser.",
			"has characters that one does not see: it would read as one address and open another. Copy it from the browser."
	}
	if strings.IndexFunc(s, unicode.IsSpace) >= 0 {
		return "contiene spazi: si romperebbe a metà. Scrivere %20 al posto di ogni spazio, o copiarlo dalla barra del browser.",
			"has spaces and would break half-way. Write %20 for each space, or copy it from the browser."
	}
	if i := strings.IndexAny(s, "<>\"\\`"); i >= 0 {
		return fmt.Sprintf("contiene «%c», che in un indirizzo non può stare. Copiarlo dalla barra del browser.", s[i]),
			fmt.Sprintf("has %q, which no address may have. Copy it from the browser.", s[i])
	}
	u, err := url.Parse(s)
	if err != nil {
		return "non è un indirizzo leggibile. Copiarlo dalla barra del browser.", "is no readable address. Copy it from the browser."
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "deve cominciare con https:// e portare a una pagina web.", "must begin with https:// and lead to a web page."
	case u.User != nil:
		return "contiene un nome utente o una password. Toglierli: sarebbero pubblici.", "has a user name or a password. Remove them: they would be public."
	case u.Opaque != "" || !ValidHost(u.Hostname(), 2):
		return "non ha il nome di un sito, come www.esempio.it. Correggerlo.", "has no name of a site, such as www.example.org. Correct it."
	case u.Port() != "" && !validPort(u.Port()):
		return "ha un numero di porta impossibile. Correggerlo.", "has an impossible port number. Correct it."
	default:
		return "", ""
	}
}

func validPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0 && n < 65536
}

// ValidHost takes names in any script (IDNA turns them into letters, digits and hyphens), not addresses
// of machines: the last label has a letter.
func ValidHost(host string, labels int) bool {
	host = strings.TrimSuffix(host, ".")
	parts := strings.Split(host, ".")
	if len(host) > 253 || len(parts) < labels {
		return false
	}
	for _, p := range parts {
		if p == "" || len(p) > 63 || p[0] == '-' || p[len(p)-1] == '-' || strings.IndexFunc(p, notInHost) >= 0 {
			return false
		}
	}
	top := parts[len(parts)-1]
	return strings.IndexFunc(top, unicode.IsLetter) >= 0 && len([]rune(top)) >= 2
}

func notInHost(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && r != '-' && r != '_'
}

// unseen are controls and signs that turn the reading; joiners belong to the words of some scripts.
func unseen(r rune) bool {
	return unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d' || unicode.IsControl(r) && !unicode.IsSpace(r)
}

// Lookalike tells whether the name of a link's site may imitate another: by mixing alphabets
// (https://www.unicode.org/reports/tr39/#Restriction_Level_Detection), or written so that nobody can read
// it (xn--…, RFC 3492). A whole name in one alphabet, the last label included, imitates nothing.
func Lookalike(link string) bool {
	u, err := url.Parse(link)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	if strings.Contains("."+host, ".xn--") {
		return true
	}
	first := ""
	for _, r := range host {
		script := scriptOf(r)
		if first == "" {
			first = script
		}
		if script != "" && script != first {
			return true
		}
	}
	return false
}

// scriptOf names the alphabet of a letter; those that are written together are one. Empty: of all.
func scriptOf(r rune) string {
	switch {
	case unicode.In(r, unicode.Common, unicode.Inherited):
		return ""
	case unicode.Is(unicode.Latin, r):
		return "Latin"
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo):
		return "Han"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}
