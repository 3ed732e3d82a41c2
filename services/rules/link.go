// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

const (
	maxLink  = 2048 // bytes
	longLink = 200  // beyond it people see little else
)

func (k *checker) link() {
	k.c.Link = strings.TrimSpace(k.c.Link)
	if strings.IndexFunc(k.c.Link, unicode.IsControl) >= 0 { // what it should have been is not ours to guess
		k.badLink("contiene caratteri di controllo (a capo o simili). Scriverlo su una riga sola.", "has control characters, such as a line break. Write it on one line.")
		return
	}
	k.tidyField("link", &k.c.Link, false)
	if k.c.Link == "" || strings.ContainsRune(k.c.Link, '\uFFFD') { // damaged, and refused as such
		return
	}
	it, en := faultOfLink(k.c.Link)
	if it != "" {
		k.badLink(it, en)
	}
	if len(k.c.Link) >= 7 && strings.EqualFold(k.c.Link[:7], "http://") {
		k.mark(codeHTTP, "link", "Il collegamento è http, non cifrato: molti browser avvertono chi lo apre. Usare https, se il sito lo permette.",
			"The link is http, not encrypted: many browsers warn whoever opens it. Use https if the site allows.")
	}
	if it != "" {
		return
	}
	k.untrack()
	if n := len([]rune(k.c.Link)); n > longLink {
		k.mark(codeLongURL, "link", fmt.Sprintf("Il collegamento è di %d caratteri: occupa gran parte del post. Se c'è, usarne uno più corto.", n),
			fmt.Sprintf("The link has %d characters and fills much of the post. Use a shorter one if there is.", n))
	}
}

func (k *checker) badLink(it, en string) {
	k.refuse(codeURL, "link", "Il collegamento "+it, "The link "+en)
}

// faultOfLink tells what makes s no address of a page on the web; empty: nothing does.
func faultOfLink(s string) (it, en string) {
	if len(s) > maxLink {
		return fmt.Sprintf("è di %d byte, il massimo è %d. Usarne uno più corto.", len(s), maxLink),
			fmt.Sprintf("has %d bytes, at most %d are taken. Use a shorter one.", len(s), maxLink)
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
	case u.Opaque != "" || !validHost(u.Hostname(), 2):
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

// validHost takes names in any script (IDNA turns them into letters, digits and hyphens), not addresses
// of machines: the last label has a letter.
func validHost(host string, labels int) bool {
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

// untrack takes out what follows people around: campaign tags that are not ours, click ids, sessions.
// Everything else stays as it was written, in its order, fragment included.
func (k *checker) untrack() {
	clean := withoutTracking(k.c.Link)
	if clean == k.c.Link {
		return
	}
	k.c.Link = clean
	k.fix(codeTracking, "link", "Tolti dal collegamento i parametri che servono a tracciare o a riconoscere una sessione. Porta alla stessa pagina: provarlo.",
		"Parameters that track people or name a session were taken out of the link. It leads to the same page: try it.")
}

func withoutTracking(s string) string {
	rest, fragment, hasFragment := strings.Cut(s, "#")
	path, query, hasQuery := strings.Cut(rest, "?")
	if i := strings.Index(strings.ToLower(path), ";jsessionid="); i >= 0 { // a servlet's session in the path
		end := strings.IndexAny(path[i+1:], ";/")
		if end < 0 {
			path = path[:i]
		} else {
			path = path[:i] + path[i+1+end:]
		}
	}
	if hasQuery {
		var keep []string
		taken := false
		for _, p := range strings.Split(query, "&") {
			if isTracking(p) {
				taken = true
			} else {
				keep = append(keep, p)
			}
		}
		if !taken || len(keep) > 0 {
			path += "?" + strings.Join(keep, "&")
		}
	}
	if hasFragment {
		path += "#" + fragment
	}
	return path
}

func isTracking(pair string) bool {
	key, _, _ := strings.Cut(pair, "=")
	if plain, err := url.QueryUnescape(key); err == nil {
		key = plain
	}
	key = strings.ToLower(key)
	switch key {
	case "fbclid", "gclid", "sessionid", "sid", "phpsessid", "jsessionid":
		return true
	default:
		return strings.HasPrefix(key, "utm_")
	}
}
