// SPDX-License-Identifier: AGPL-3.0-or-later

package network

import (
	"net/url"
	"regexp"
	"strings"
)

// telegramPost is the path of a message: its channel's name, or c and the inner id of a private one, and
// its number; /s/ is the same in a browser (https://core.telegram.org/api/links#message-links).
var telegramPost = regexp.MustCompile(`^/(?:s/)?(c/[0-9]{1,19}|[A-Za-z][A-Za-z0-9_]{0,31})/([1-9][0-9]{0,18})$`)

// PostAt reads the address of a post as people copy it. remote is how the network calls the post, empty
// where the address does not say; ok is false for an address that is of no post of this account.
func PostAt(network, target, link string) (remote string, ok bool) {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "", false
	}
	if network != "telegram" {
		return "", true
	}
	m := telegramPost.FindStringSubmatch(strings.TrimSuffix(u.Path, "/"))
	if host := strings.ToLower(u.Host); m == nil || host != "t.me" && host != "telegram.me" {
		return "", false
	}
	return m[2], telegramAccount(target, m[1])
}

// telegramAccount: a target that is a number may have a public name, which only Telegram knows.
func telegramAccount(target, written string) bool {
	inner, private := strings.CutPrefix(written, "c/")
	switch name, named := strings.CutPrefix(target, "@"); {
	case private:
		return target == "-100"+inner
	case named:
		return strings.EqualFold(name, written)
	default:
		return true
	}
}
