// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Alerts says whom the house tells when something needs a person, and how often.
type Alerts struct {
	Telegram     *AlertTelegram // nil: not by Telegram
	Mail         *AlertMail     // nil: not by e-mail
	Quiet        time.Duration  // the same alert that only grows is told again no sooner
	Remind       time.Duration  // an alert that stands is told again after so long; 0: never
	NothingDue   bool           // tell when nothing is due on a working day
	NothingDueAt Clock          // from this hour of a working day on
	Closed       []string       // dates (2026-12-24) that are no working days, beside Sundays, Saturdays and holidays
}

// AlertTelegram is the operators' chat.
type AlertTelegram struct {
	Chat    string // @name or number
	APIBase string // empty: the real network
	Token   SecretPlace
}

// AlertMail is the mail server and the operators' addresses.
type AlertMail struct {
	Host     string
	Port     int
	TLS      string // starttls, tls (from the first byte), none (a server on this machine)
	User     string // empty: without signing in
	Password SecretPlace
	From     string
	To       []string
}

// SecretPlace is where a secret stands: in a file or in a variable of the environment.
type SecretPlace struct {
	File string // as written; a relative path starts at the configuration's folder
	Env  string

	dir string
}

// Given tells whether a place is named at all.
func (p SecretPlace) Given() bool { return p.File != "" || p.Env != "" }

// Read reads the secret anew, so that a rotated file is seen. The note, when not empty, is a warning for
// the operator; it never holds the secret, nor does the error.
func (p SecretPlace) Read() (secret Secret, note string, err error) {
	var raw, where string
	if p.File != "" {
		path := p.File
		if !filepath.IsAbs(path) {
			path = filepath.Join(p.dir, path)
		}
		where = "il file " + path
		if raw, note, err = readTokenFile(path); err != nil {
			return "", "", err
		}
	} else {
		raw, where = os.Getenv(p.Env), "la variabile "+p.Env
	}
	raw = strings.TrimSpace(raw)
	switch {
	case raw == "":
		return "", "", errors.New(where + ": vuoto o assente (empty or missing)")
	case len(raw) > maxTokenBytes || strings.ContainsFunc(raw, unicode.IsControl):
		return "", "", errors.New(where + ": non è una sola riga di testo (not one line of text)")
	}
	return Secret(raw), note, nil
}

var hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)

func (r *reader) alerts(s *section) Alerts {
	defer s.close()
	a := Alerts{
		Quiet:        optional(s, "quiet", 10*time.Minute, duration(time.Second, day)),
		Remind:       optional(s, "remind", day, duration(0, week)),
		NothingDue:   optional(s, "nothing_due", true, boolean),
		NothingDueAt: optional(s, "nothing_due_at", 9*60, clock),
		Closed:       dates(s, "closed"),
	}
	if n := s.take("telegram"); n != nil {
		a.Telegram = r.alertTelegram(r.open(n, s.at("telegram")))
	}
	if n := s.take("mail"); n != nil {
		a.Mail = r.alertMail(r.open(n, s.at("mail")))
	}
	return a
}

func (r *reader) alertTelegram(s *section) *AlertTelegram {
	defer s.close()
	t := &AlertTelegram{
		Chat: required(s, "chat", pattern(telegramTarget,
			"serve «@nome» o il numero della chat, fra virgolette", "«@name» or the chat's number in quotes is needed")),
		APIBase: optional(s, "api_base", "", apiBase),
		Token:   r.secretPlace(s, "token_file", "token_env"),
	}
	if !s.bad && s.value["token_file"] == nil && s.value["token_env"] == nil {
		s.r.fail(s.node, s.path, faultf("manca il token: indicare token_file o token_env", "the token is missing: give token_file or token_env"))
	}
	return t
}

func (r *reader) alertMail(s *section) *AlertMail {
	defer s.close()
	m := &AlertMail{
		Host: required(s, "host", mailHost),
		TLS: optional(s, "tls", "starttls", oneOf([]string{"starttls", "tls", "none"},
			"modo di cifrare sconosciuto", "unknown way to encrypt")),
		User:     optional(s, "user", "", text),
		Password: r.secretPlace(s, "password_file", "password_env"),
		From:     required(s, "from", address),
		To:       addresses(s, "to"),
	}
	m.Port = int(optional(s, "port", map[string]int64{"starttls": 587, "tls": 465, "none": 25}[m.TLS], integer(1, 65535)))
	switch {
	case m.User != "" && !m.Password.Given() && s.value["password_file"] == nil && s.value["password_env"] == nil:
		s.fail("user", faultf("manca la password di questo utente: indicare password_file o password_env", "this user's password is missing: give password_file or password_env"))
	case m.User == "" && m.Password.Given():
		s.fail("password_file", faultf("c'è una password senza utente: aggiungere user", "a password without a user: add user"))
	case m.User != "" && m.TLS == "none" && !local(m.Host):
		// RFC 8314, section 3: a password is not sent in the clear.
		s.fail("tls", faultf("con utente e password serve tls: starttls o tls: tls", "with user and password tls: starttls or tls: tls is needed"))
	}
	return m
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// secretPlace reads at most one of the two keys.
func (r *reader) secretPlace(s *section, file, env string) SecretPlace {
	p := SecretPlace{
		File: optional(s, file, "", pattern(pathForm, "serve il percorso di un file", "the path of a file is needed")),
		Env: optional(s, env, "", pattern(envForm, "serve il nome di una variabile d'ambiente (lettere, cifre e _), non il segreto",
			"the name of an environment variable is needed (letters, digits and _), not the secret")),
		dir: r.dir,
	}
	if s.value[file] != nil && s.value[env] != nil {
		s.fail(env, faultf("ci sono sia %[1]s sia %[2]s: tenere uno solo", "both %[1]s and %[2]s are given: keep one", file, env))
	}
	return p
}

func mailHost(n *yaml.Node) (string, *fault) {
	v, f := scalar(n, "!!str")
	if f == nil && !hostForm.MatchString(v) && net.ParseIP(v) == nil {
		return "", faultf("serve il nome della macchina, come smtp.esempio.it, senza «:» né porta", "a host name such as smtp.example.org is needed, without «:» or port")
	}
	return v, f
}

// address is one plain address, as SMTP takes it.
func address(n *yaml.Node) (string, *fault) {
	v, f := scalar(n, "!!str")
	if f != nil {
		return "", f
	}
	a, err := mail.ParseAddress(v)
	if err != nil || a.Name != "" || a.Address != v || len(v) > 254 {
		return "", faultf("indirizzo di posta non valido: serve per esempio redazione@esempio.it", "bad mail address: for example newsroom@example.org is needed")
	}
	return v, nil
}

func addresses(s *section, key string) []string {
	all := listOf(s, key, address)
	if len(s.items(key)) == 0 && !s.bad {
		s.fail(key, faultf("serve almeno un indirizzo, in un elenco", "at least one address is needed, in a list"))
	}
	return all
}

func dates(s *section, key string) []string {
	return listOf(s, key, func(n *yaml.Node) (string, *fault) {
		// YAML reads an unquoted date as a time of its own.
		v, f := scalar(n, "!!str", "!!timestamp")
		if f != nil {
			return "", f
		}
		if _, err := time.Parse(time.DateOnly, v); err != nil {
			return "", faultf("data non valida %s: scrivere per esempio 2026-12-24", "bad date %s: write for example 2026-12-24", quote(v))
		}
		return v, nil
	})
}

// listOf reads a list of plain values.
func listOf(s *section, key string, parse func(*yaml.Node) (string, *fault)) []string {
	var all []string
	for i, n := range s.items(key) {
		v, f := parse(n)
		if f != nil {
			s.r.fail(n, fmt.Sprintf("%s[%s]", s.at(key), strconv.Itoa(i)), f)
			continue
		}
		all = append(all, v)
	}
	return all
}
