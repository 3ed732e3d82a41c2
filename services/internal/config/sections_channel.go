// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

func (r *reader) channels(top *section, centres map[string]bool) []Channel {
	all := []Channel{}
	ids := names{}
	for _, s := range top.list("channels") {
		c := r.channel(s, centres)
		s.close()
		ids.add(s, "id", c.ID)
		all = append(all, c)
	}
	return all
}

func (r *reader) channel(s *section, centres map[string]bool) Channel {
	c := Channel{
		ID:      required(s, "id", id),
		Network: required(s, "network", oneOf(Networks, "rete sconosciuta", "unknown network")),
		Target:  required(s, "target", target),
		APIBase: optional(s, "api_base", "", apiBase),
		TokenFile: optional(s, "token_file", "", pattern(pathForm,
			"serve il percorso di un file", "the path of a file is needed")),
		TokenEnv: optional(s, "token_env", "", pattern(envForm,
			"serve il nome di una variabile d'ambiente (lettere, cifre e _), non il token", "the name of an environment variable is needed (letters, digits and _), not the token")),
		Spacing: optional(s, "spacing", 0, duration(0, week)),
		Limits:  limits(s.open("limits")),
		Centres: references(s, "centres", centres, "centro", "centre"),
		Options: options(s.open("options")),
		dir:     r.dir,
	}
	tokenSource(s)
	if c.Network == "telegram" && c.Target != "" && !telegramTarget.MatchString(c.Target) {
		s.fail("target", faultf("destinazione Telegram non valida: serve «@nomecanale» o il numero «-100…» fra virgolette",
			"bad Telegram target: «@channelname» or the number «-100…» in quotes is needed"))
	}
	return c
}

// tokenSource wants exactly one place for the token.
func tokenSource(s *section) {
	file, env := s.value["token_file"] != nil, s.value["token_env"] != nil
	switch {
	case s.bad:
	case file && env:
		s.fail("token_env", faultf("ci sono sia token_file sia token_env: tenere uno solo", "both token_file and token_env are given: keep one"))
	case !file && !env:
		s.r.fail(s.node, s.path, faultf("manca il token: indicare token_file o token_env", "the token is missing: give token_file or token_env"))
	}
}

var (
	pathForm = regexp.MustCompile(`^[^\pC]{1,1000}$`)
	envForm  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)
	// https://core.telegram.org/bots/api#sendmessage chat_id; public names
	// have 4 characters (bought on Fragment) to 32.
	telegramTarget = regexp.MustCompile(`^(@[A-Za-z][A-Za-z0-9_]{3,31}|-?[1-9][0-9]{0,18})$`)
)

// target is the account as its network writes it; each network is stricter.
func target(n *yaml.Node) (string, *fault) {
	v, f := scalar(n, "!!str", "!!int")
	bad := func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }
	if f == nil && (v == "" || len(v) > 256 || strings.ContainsFunc(v, bad)) {
		return "", faultf("destinazione non valida: serve un nome o numero senza spazi, al massimo 256 caratteri",
			"bad target: a name or number without spaces is needed, at most 256 characters")
	}
	return v, f
}

// apiBase is kept without its last slash, so that paths are just appended.
func apiBase(n *yaml.Node) (string, *fault) {
	v, f := scalar(n, "!!str")
	if f != nil {
		return "", f
	}
	u, err := url.Parse(v)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || !validPort(u.Port()):
		return "", faultf("indirizzo non valido: serve http:// o https:// con un nome di macchina", "bad address: http:// or https:// with a host is needed")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", faultf("l'indirizzo non può avere utente, password, «?» o «#»", "the address cannot have a user, a password, «?» or «#»")
	}
	return strings.TrimRight(v, "/#"), nil
}

func validPort(p string) bool {
	if p == "" {
		return true
	}
	n, err := strconv.ParseUint(p, 10, 16)
	return err == nil && n > 0
}

func limits(s *section) Limits {
	defer s.close()
	rate := integer(0, 100_000)
	return Limits{
		PerSecond: int(optional(s, "per_second", 0, rate)),
		PerMinute: int(optional(s, "per_minute", 0, rate)),
		Burst:     int(optional(s, "burst", 0, rate)),
	}
}

func options(s *section) Options {
	defer s.close()
	return Options{
		AltInText:   optional(s, "alt_in_text", false, boolean),
		LinkPreview: optional(s, "link_preview", true, boolean),
		SilentFrom:  optional(s, "silent_from", 22*60, clock),
		SilentTo:    optional(s, "silent_to", 7*60, clock),
		Workers:     int(optional(s, "workers", 4, integer(1, 64))),
	}
}
