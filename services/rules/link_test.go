// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

func TestLinkIsTaken(t *testing.T) {
	t.Parallel()
	for _, link := range []string{
		"",
		"https://www.example.org",
		"https://www.example.org/a/b.html?c=d&e=f#g",
		"HTTPS://WWW.Example.ORG/A",
		"https://www.example.org:8443/a",
		"https://città.example/opportunità?città=San+Benedetto",
		"https://правительство.рф/",
		"https://www.example.org/San%20Benedetto",
		"https://example.org./a",
		"https://a_b.example.org",
		"https://例え.テスト/パス",
		"https://www.example.org/a(b)[c]'d,e;f=g~h!i*j|k{l}",
	} {
		x := event(t)
		x.Link = link
		require.Empty(t, said(t, &x), "%q", link)
		require.Equal(t, link, x.Link)
	}
}

func TestLinkIsRefused(t *testing.T) {
	t.Parallel()
	for _, link := range []string{
		"www.example.org",
		"example.org/a",
		"//example.org/a",
		"/a/b",
		"javascript:alert(1)",
		"JavaScript://example.org/%0aalert(1)",
		"data:text/html,<script>",
		"mailto:cpi@example.org",
		"ftp://example.org/a",
		"file:///etc/passwd",
		"https:",
		"https://",
		"https:///a",
		"https:example.org",
		"https://localhost/a",
		"https://intranet",
		"https://.example.org",
		"https://example..org",
		"https://-a.example.org",
		"https://example.org:0/",
		"https://example.org:99999/",
		"https://example.org:a/",
		"https://192.168.1.1/a",
		"https://[::1]/a",
		"https://user@example.org/",
		"https://user:secret@example.org/",
		"https://example.org@evil.example.com/",
		"https://example.org\\@evil.example.com/",
		"https://example.org/open day",
		"https://example.org/a\u00a0b",
		"https://example.org/a\u3000b",
		"https://exam ple.org/",
		"https://example.org/a\nb",
		"https://example.org/a\tb",
		"https://example.org/a\x00b",
		"https://example.org/<b>",
		"https://example.org/\"onclick=\"",
		"https://example.org/%zz",
		"https://example%2eorg/",
		"https://" + strings.Repeat("a", 64) + ".org/",
		"https://" + strings.Repeat("a.", 130) + "org/",
		"https://example.org/" + strings.Repeat("a", 2029),
	} {
		x := event(t)
		x.Link = link
		require.Contains(t, said(t, &x), "V-URL error link", "%q", link)
	}
}

func TestLinkIsMarked(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]string{
		"http://example.org/":                                     "V-HTTP mark link",
		"HTTP://example.org/":                                     "V-HTTP mark link",
		"http://example.org/open day":                             "V-URL error link,V-HTTP mark link",
		"https://example.org/" + strings.Repeat("a", 180):         "",
		"https://www.regiоne.marche.it/":                          "V-OMOGRAFO mark link", // a Cyrillic о
		"https://xn--80ak6aa92e.com/":                             "V-OMOGRAFO mark link", // nobody can read it
		"https://example.org/" + strings.Repeat("a", 181):         "V-URLLUNGA mark link",
		"https://example.org/?utm_id=" + strings.Repeat("a", 400): "V-UTM fix link",
		"https://example.org/\u200ba":                             "U-ZW fix link",
		"https://example.org/citta\u0300":                         "U-NFD fix link",
	} {
		x := event(t)
		x.Link = link
		require.Equal(t, want, strings.Join(said(t, &x), ","), "%q", link)
	}
}

func TestTrackingGoesOut(t *testing.T) {
	t.Parallel()
	const site = "https://www.example.org/a"
	for link, want := range map[string]string{
		"?utm_source=facebook":                                  "",
		"?a=1&utm_source=b&c=2&UTM_Campaign=d":                  "?a=1&c=2",
		"?utm_source=b#come-fare":                               "#come-fare",
		"?b=2&fbclid=x&a=1&gclid=y#z":                           "?b=2&a=1#z",
		"?PHPSESSID=1&sid=2&sessionid=3&JSESSIONID=4&idBando=5": "?idBando=5",
		";jsessionid=ABC?x=1":                                   "?x=1",
		";JSESSIONID=ABC/b":                                     "/b",
		";jsessionid=ABC;v=1":                                   ";v=1",
		"?utm%5Fsource=b&c=1":                                   "?c=1",
		"?utm_source":                                           "",
		// What only looks like it stays, and so does every other character.
		"?sidebar=1&inside=2&utmost=3&my_utm_source=4":   "?sidebar=1&inside=2&utmost=3&my_utm_source=4",
		"?returnUrl=https%3A%2F%2Fa.it%3Futm_source%3Db": "?returnUrl=https%3A%2F%2Fa.it%3Futm_source%3Db",
		"?":                      "?",
		"?&&a=%20+b&":            "?&&a=%20+b&",
		"#utm_source=b?fbclid=c": "#utm_source=b?fbclid=c",
	} {
		x := event(t)
		x.Link = site + link
		got := said(t, &x)
		require.Equal(t, site+want, x.Link)
		require.Equal(t, link != want, len(got) == 1, "%q: %v", link, got)
	}
}

// FuzzURL: a link that is taken is an address that a browser would open as it was read here.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://a.it/b?utm_source=c&d=e#f", "http://a.it:80/;jsessionid=1", "javascript:alert(1)", "https://a.it@b.it/",
		"https://città.it/a b", "https://a.it/\u202e", "https://a.it\\b", "https://[::1]/", "?", "https://a.it?a=%&sid=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, link string) {
		c := palinsesto.Content{Kind: "avviso", Title: "a", Body: "b", Link: link, WantedChannels: []string{"telegram"}}
		w := marche(t)
		_, ps := rules.Check(w, "jesi", &c)
		again := c
		_, more := rules.Check(w, "jesi", &again)
		require.Equal(t, c.Link, again.Link)
		require.Equal(t, rules.Refused(ps), rules.Refused(more))
		if c.Link == "" || rules.Refused(ps) {
			return
		}
		u, err := url.Parse(c.Link)
		require.NoError(t, err)
		require.Contains(t, []string{"http", "https"}, u.Scheme)
		require.Contains(t, u.Hostname(), ".")
		require.Nil(t, u.User)
		require.LessOrEqual(t, len(c.Link), 2048)
		require.NotRegexp(t, `[\s<>"\\]`, c.Link)
		for key := range u.Query() {
			require.NotContains(t, []string{"fbclid", "gclid", "sid", "sessionid"}, strings.ToLower(key))
			require.False(t, strings.HasPrefix(strings.ToLower(key), "utm_"))
		}
	})
}
