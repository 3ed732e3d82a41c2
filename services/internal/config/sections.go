// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// config reads the top of the file; n is nil when there was nothing to read.
func (r *reader) config(n *yaml.Node) Config {
	if n == nil {
		return Config{}
	}
	top := r.open(n, "")
	if top.bad {
		return Config{}
	}
	var c Config
	c.Organisation, c.location = organisation(top.open("organisation"))
	c.Centres = r.centres(top)
	known := index(c.Centres, func(x Centre) string { return x.ID })
	c.Channels = r.channels(top, known)
	c.Publishing = publishing(top.open("publishing"))
	c.Media = media(top.open("media"))
	c.Review = review(top.open("review"), known)
	c.Slots = slots(top, index(c.Channels, func(x Channel) string { return x.ID }))
	c.Log = logStore(top.open("log"))
	c.Alerts = r.alerts(top.open("alerts"))
	c.Backup = r.backup(top.open("backup"))
	top.close()
	return c
}

func index[T any](all []T, id func(T) string) map[string]bool {
	known := map[string]bool{}
	for _, x := range all {
		known[id(x)] = true
	}
	return known
}

var languageForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z]{2})?$`)

func organisation(s *section) (Organisation, *time.Location) {
	defer s.close()
	o := Organisation{
		Name:     required(s, "name", text),
		Timezone: optional(s, "timezone", "Europe/Rome", zone),
		Language: optional(s, "language", "it", pattern(languageForm,
			"serve un codice di lingua come it o de-AT", "a language code such as it or de-AT is needed")),
	}
	loc, err := time.LoadLocation(o.Timezone)
	if err != nil {
		loc = time.UTC // never reached: zone has loaded it, and time/tzdata has the default
	}
	return o, loc
}

// zone refuses Local: the hour of a post must not depend on the machine.
func zone(n *yaml.Node) (string, *fault) {
	v, f := scalar(n, "!!str")
	if f != nil {
		return "", f
	}
	if _, err := time.LoadLocation(v); err != nil || v == "" || v == "Local" {
		return "", faultf("fuso orario sconosciuto %s: serve un nome IANA come Europe/Rome", "unknown timezone %s: an IANA name such as Europe/Rome is needed", quote(v))
	}
	return v, nil
}

var provinceForm = regexp.MustCompile(`^[A-Z]{2}$`)

func (r *reader) centres(top *section) []Centre {
	all, before := []Centre{}, len(r.errs)
	ids := names{}
	for _, s := range top.list("centres") {
		c := Centre{
			ID:       required(s, "id", id),
			Name:     required(s, "name", text),
			Province: required(s, "province", pattern(provinceForm, "serve la sigla della provincia, due lettere maiuscole: AN", "the province's two capital letters are needed: AN")),
		}
		s.close()
		ids.add(s, "id", c.ID)
		all = append(all, c)
	}
	if len(all) == 0 && len(r.errs) == before {
		top.fail("centres", faultf("serve almeno un centro", "at least one centre is needed"))
	}
	return all
}

// names finds what is given twice.
type names map[string]int

func (seen names) add(s *section, key, name string) {
	if name == "" {
		return
	}
	if line, twice := seen[name]; twice {
		s.fail(key, faultf("%s è già usato alla riga %d", "%s is already used on line %d", quote(name), line))
		return
	}
	line := s.node.Line
	if n := s.value[key]; n != nil {
		line = n.Line
	}
	seen[name] = line
}

// references reads a list of ids that must exist, each once.
func references(s *section, key string, known map[string]bool, it, en string) []string {
	var all []string
	seen := map[string]bool{}
	for i, n := range s.items(key) {
		path := s.at(key) + "[" + strconv.Itoa(i) + "]"
		v, f := scalar(n, "!!str", "!!int")
		switch {
		case f != nil:
		case seen[v]:
			f = faultf("%s è ripetuto", "%s is given twice", quote(v))
		case !known[v]:
			f = faultf("%[1]s sconosciuto %[3]s: non è nell'elenco di questo file", "unknown %[2]s %[3]s: it is not listed in this file", it, en, quote(v))
		default:
			seen[v] = true
			all = append(all, v)
			continue
		}
		s.r.fail(n, path, f)
	}
	return all
}

func publishing(s *section) Publishing {
	defer s.close()
	p := Publishing{
		Grace:        optional(s, "grace", 30*time.Minute, duration(time.Second, week)),
		GraceByKind:  graceByKind(s.open("grace_by_kind")),
		Lease:        optional(s, "lease", 30*time.Second, duration(time.Second, time.Hour)),
		CallDeadline: optional(s, "call_deadline", 10*time.Second, duration(100*time.Millisecond, time.Hour)),
		CallTimeout:  optional(s, "call_timeout", 60*time.Second, duration(time.Second, time.Hour)),
		Retry:        retry(s.open("retry")),
	}
	// An intent older than the call deadline starts no call; the lease must
	// outlive it with room to spare, or another worker judges a live one.
	if p.Lease < 2*p.CallDeadline {
		key := "call_deadline"
		if s.value["lease"] != nil {
			key = "lease"
		}
		s.fail(key, faultf("lease (%s) deve essere almeno il doppio di call_deadline (%s)", "lease (%s) must be at least twice call_deadline (%s)", short(p.Lease), short(p.CallDeadline)))
	}
	return p
}

func graceByKind(s *section) map[string]time.Duration {
	defer s.close()
	byKind := map[string]time.Duration{}
	for _, kind := range Kinds {
		if d := optional(s, kind, 0, duration(time.Second, week)); d > 0 {
			byKind[kind] = d
		}
	}
	return byKind
}

func retry(s *section) Retry {
	defer s.close()
	t := Retry{
		First:  optional(s, "first", 30*time.Second, duration(time.Second, day)),
		Max:    optional(s, "max", 15*time.Minute, duration(time.Second, day)),
		Factor: optional(s, "factor", 2, number(1, 10)),
		Jitter: optional(s, "jitter", 0.2, number(0, 1)),
	}
	if t.Max < t.First {
		key := "first"
		if s.value["max"] != nil {
			key = "max"
		}
		s.fail(key, faultf("max (%s) è più breve di first (%s)", "max (%s) is shorter than first (%s)", short(t.Max), short(t.First)))
	}
	return t
}

func media(s *section) Media {
	defer s.close()
	return Media{
		ImageBytes:  optional(s, "image_bytes", 20<<20, size(1<<10, 200<<20)),
		ImagePixels: optional(s, "image_pixels", 50_000_000, integer(10_000, 500_000_000)),
		VideoBytes:  optional(s, "video_bytes", 256<<20, size(1<<10, 8<<30)),
		PerItem:     int(optional(s, "per_item", 10, integer(1, 50))),
	}
}

func review(s *section, centres map[string]bool) Review {
	defer s.close()
	v := Review{
		SelfApproval:               optional(s, "self_approval", false, boolean),
		AllowedSelfApprovalCentres: references(s, "allowed_self_approval_centres", centres, "centro", "centre"),
	}
	// Read as a limit by one and as an addition by another: refuse it.
	if v.SelfApproval && len(v.AllowedSelfApprovalCentres) > 0 {
		s.fail("allowed_self_approval_centres", faultf("con self_approval: true vale già per tutti i centri: tenere l'uno o l'altro",
			"with self_approval: true it holds for all centres already: keep one of the two"))
	}
	return v
}

func logStore(s *section) Log {
	defer s.close()
	return Log{FreeSpaceFloor: optional(s, "free_space_floor", 512<<20, size(0, 1<<40))}
}

var weekdays = map[string]time.Weekday{
	"lunedì": time.Monday, "martedì": time.Tuesday, "mercoledì": time.Wednesday, "giovedì": time.Thursday,
	"venerdì": time.Friday, "sabato": time.Saturday, "domenica": time.Sunday,
}

// weekday takes the Italian name, with or without accent, or the English one.
func weekday(n *yaml.Node) (time.Weekday, *fault) {
	v, f := scalar(n, "!!str")
	if f != nil {
		return 0, f
	}
	for name, d := range weekdays {
		word := strings.ToLower(v)
		if word == name || word == strings.ReplaceAll(name, "ì", "i") || word == strings.ToLower(d.String()) {
			return d, nil
		}
	}
	return 0, faultf("giorno sconosciuto %s: scrivere lunedì, martedì, …", "unknown weekday %s: write monday, tuesday, …", quote(v))
}

func slots(top *section, channels map[string]bool) []Slot {
	var all []Slot
	seen := names{}
	for _, s := range top.list("slots") {
		before := len(s.r.errs)
		v := Slot{
			Channel: required(s, "channel", id),
			Weekday: required(s, "weekday", weekday),
			Time:    required(s, "time", clock),
		}
		s.close()
		if v.Channel != "" && !channels[v.Channel] {
			s.fail("channel", faultf("canale sconosciuto %s: non è nell'elenco di questo file", "unknown channel %s: it is not listed in this file", quote(v.Channel)))
		}
		if len(s.r.errs) == before {
			seen.add(s, "time", v.Channel+" "+v.Weekday.String()+" "+v.Time.String())
		}
		all = append(all, v)
	}
	return all
}
