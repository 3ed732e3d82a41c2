// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/palinsesto/palinsesto/services/network"
)

const longLink = 200 // characters; beyond it people see little else

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
	it, en := network.FaultOfLink(k.c.Link)
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
	if network.Lookalike(k.c.Link) {
		k.mark(codeLookalike, "link", "Il nome del sito mescola alfabeti diversi o è scritto in codice (xn--…): può imitarne un altro con lettere che sembrano uguali. Aprirlo e controllare che sia quello giusto.",
			"The name of the site mixes alphabets or is written in code (xn--…): it may imitate another by letters that look the same. Open it and make sure that it is the right one.")
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
