// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// The readers of one value. Each refuses the wrong type first: YAML would turn
// `no` or `0x10` into something else than was meant.

func scalar(n *yaml.Node, tags ...string) (string, *fault) {
	switch {
	case n.Kind == yaml.AliasNode:
		return "", &fault{}
	case isNull(n):
		return "", faultf("la chiave non ha valore: darle un valore o toglierla", "the key has no value: give it one or remove it")
	case n.Kind != yaml.ScalarNode:
		return "", faultf("qui serve un valore semplice, non un gruppo o un elenco", "a simple value is needed here, not a group or a list")
	case !slices.Contains(tags, n.ShortTag()):
		return "", faultf("tipo sbagliato: serve %[1]s, qui c'è %[2]s", "wrong type: %[3]s is needed, this is %[4]s",
			kindsIT[tags[0]], kindIT(n.ShortTag()), kindsEN[tags[0]], kindEN(n.ShortTag()))
	}
	return n.Value, nil
}

// text is a line for people to read.
func text(n *yaml.Node) (string, *fault) {
	const most = 200
	v, f := scalar(n, "!!str")
	if f != nil {
		return "", f
	}
	v = strings.TrimSpace(v)
	switch {
	case v == "":
		return "", faultf("il testo è vuoto", "the text is empty")
	case utf8.RuneCountInString(v) > most:
		return "", faultf("testo troppo lungo: al massimo %d caratteri", "text too long: at most %d characters", most)
	case strings.ContainsFunc(v, unicode.IsControl):
		return "", faultf("il testo contiene caratteri di controllo o a capo", "the text holds control characters or line breaks")
	}
	return v, nil
}

// pattern is a text of a given form. It does not repeat the value: see quote.
func pattern(re *regexp.Regexp, it, en string) func(*yaml.Node) (string, *fault) {
	return func(n *yaml.Node) (string, *fault) {
		v, f := scalar(n, "!!str", "!!int")
		if f == nil && !re.MatchString(v) {
			return "", &fault{it, en}
		}
		return v, f
	}
}

// oneOf is a word of a closed list.
func oneOf(words []string, it, en string) func(*yaml.Node) (string, *fault) {
	return func(n *yaml.Node) (string, *fault) {
		v, f := scalar(n, "!!str")
		if f == nil && !slices.Contains(words, v) {
			return "", faultf("%[1]s %[3]s; si può scegliere fra: %[4]s", "%[2]s %[3]s; the choice is: %[4]s",
				it, en, quote(v), strings.Join(words, ", "))
		}
		return v, f
	}
}

var idForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// id is the name of a centre or channel: it becomes a token of a NATS subject.
func id(n *yaml.Node) (string, *fault) {
	v, f := scalar(n, "!!str", "!!int")
	if f == nil && !idForm.MatchString(v) {
		return "", faultf("identificativo non valido %s: solo lettere minuscole senza accenti, cifre e trattini, da 1 a 40 caratteri",
			"bad id %s: only lower-case letters a-z, digits and hyphens, 1 to 40 characters", quote(v))
	}
	return v, f
}

func boolean(n *yaml.Node) (bool, *fault) {
	v, f := scalar(n, "!!bool")
	yes := strings.EqualFold(v, "true")
	if f == nil && !yes && !strings.EqualFold(v, "false") { // an explicit !!bool tag on a word
		return false, faultf("serve true o false", "true or false is needed")
	}
	return yes, f
}

var plainInt = regexp.MustCompile(`^-?[0-9]+$`)

func integer(least, most int64) func(*yaml.Node) (int64, *fault) {
	return func(n *yaml.Node) (int64, *fault) {
		v, f := scalar(n, "!!int")
		if f != nil {
			return 0, f
		}
		i, err := strconv.ParseInt(v, 10, 64)
		if err != nil || !plainInt.MatchString(v) || i < least || i > most {
			return 0, faultf("serve un numero intero da %d a %d", "a whole number from %d to %d is needed", least, most)
		}
		return i, nil
	}
}

func number(least, most float64) func(*yaml.Node) (float64, *fault) {
	return func(n *yaml.Node) (float64, *fault) {
		v, f := scalar(n, "!!float", "!!int")
		if f != nil {
			return 0, f
		}
		x, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(x) || x < least || x > most {
			return 0, faultf("serve un numero da %g a %g", "a number from %g to %g is needed", least, most)
		}
		return x, nil
	}
}

// duration is Go's form. A bare number is refused: nobody can tell whether it
// meant seconds or minutes.
func duration(least, most time.Duration) func(*yaml.Node) (time.Duration, *fault) {
	return func(n *yaml.Node) (time.Duration, *fault) {
		v, f := scalar(n, "!!str", "!!int")
		if f != nil {
			return 0, f
		}
		d, err := time.ParseDuration(v)
		switch {
		case err != nil && plainInt.MatchString(v):
			return 0, faultf("manca l'unità: scrivere %ss o %sm", "the unit is missing: write %ss or %sm", quoteless(v), quoteless(v))
		case err != nil:
			return 0, faultf("durata non valida %s: scrivere per esempio 90s, 30m, 1h30m", "bad duration %s: write for example 90s, 30m, 1h30m", quote(v))
		case d < least || d > most:
			return 0, faultf("la durata deve stare fra %s e %s", "the duration must be from %s to %s", short(least), short(most))
		}
		return d, nil
	}
}

var sizeForm = regexp.MustCompile(`^([0-9]{1,12}) ?(B|KiB|MiB|GiB)$`)

// size is a number of bytes, plain or with a binary unit.
func size(least, most int64) func(*yaml.Node) (int64, *fault) {
	units := map[string]int64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
	return func(n *yaml.Node) (int64, *fault) {
		v, f := scalar(n, "!!str", "!!int")
		if f != nil {
			return 0, f
		}
		if plainInt.MatchString(v) {
			v += "B"
		}
		bytes := int64(-1)
		if m := sizeForm.FindStringSubmatch(v); m != nil {
			count, _ := strconv.ParseInt(m[1], 10, 64) // at most 12 digits
			bytes = count * units[m[2]]                // below 2^40 * 2^30: checked next
			if count > most/units[m[2]] {
				bytes = -1
			}
		}
		if bytes < least {
			return 0, faultf("serve una quantità di byte da %d a %d, per esempio 512MiB", "a number of bytes from %d to %d is needed, for example 512MiB", least, most)
		}
		return bytes, nil
	}
}

func clock(n *yaml.Node) (Clock, *fault) {
	v, f := scalar(n, "!!str", "!!int", "!!float")
	if f != nil {
		return 0, f
	}
	c, ok := parseClock(v)
	if !ok {
		return 0, faultf("ora non valida %s: scrivere HH:MM, da 00:00 a 23:59", "bad time %s: write HH:MM, 00:00 to 23:59", quote(v))
	}
	return c, nil
}
