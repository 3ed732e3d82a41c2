// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader walks the YAML tree and gathers what is wrong on the way. It never
// stops at the first error: a refused value is replaced by its default.
type reader struct {
	file string
	dir  string
	errs Errors

	leftOut int // errors past maxErrors
}

func (r *reader) fail(n *yaml.Node, path string, f *fault) { r.failAt(n.Line, n.Column, path, f) }

func (r *reader) failAt(line, column int, path string, f *fault) {
	if f.it == "" {
		return
	}
	if len(r.errs) >= maxErrors {
		r.leftOut++
		return
	}
	r.errs = append(r.errs, Error{
		File: r.file, Line: max(line, 1), Column: max(column, 1), Path: path, Text: f.it, TextEN: f.en,
	})
}

// section is one mapping of the file. Each key that is asked for becomes a
// known key; close reports the others, so no list of keys is kept twice.
type section struct {
	r     *reader
	node  *yaml.Node // never nil
	path  string
	keys  []*yaml.Node
	value map[string]*yaml.Node
	asked []string
	bad   bool // reported as a whole: its missing keys are no news
}

// open reads a mapping. An absent or empty one has only defaults.
func (r *reader) open(n *yaml.Node, path string) *section {
	s := &section{r: r, node: n, path: path, value: map[string]*yaml.Node{}}
	switch {
	case n == nil:
		s.node = &yaml.Node{}
	case isNull(n):
	case n.Kind == yaml.AliasNode:
		s.bad = true
	case n.Kind != yaml.MappingNode || n.ShortTag() != "!!map":
		s.bad = true
		r.fail(n, path, faultf("qui serve un gruppo di chiavi (chiave: valore)", "a group of keys (key: value) is needed here"))
	default:
		s.fill()
	}
	return s
}

func (s *section) fill() {
	lines := map[string]int{}
	for i := 0; i+1 < len(s.node.Content); i += 2 {
		key := s.node.Content[i]
		if key.Kind != yaml.ScalarNode {
			s.r.fail(key, s.path, faultf("una chiave deve essere una parola", "a key must be one word"))
			continue
		}
		if line, twice := lines[key.Value]; twice {
			s.r.fail(key, s.at(key.Value), faultf("chiave ripetuta: c'è già alla riga %d", "key given twice: it is already on line %d", line))
			continue
		}
		lines[key.Value] = key.Line
		s.keys = append(s.keys, key)
		s.value[key.Value] = s.node.Content[i+1]
	}
}

func (s *section) at(key string) string {
	if !plainKey(key) {
		key = quote(key)
	}
	if s.path == "" {
		return key
	}
	return s.path + "." + key
}

// take returns the key's value, or nil, and makes the key a known one.
func (s *section) take(key string) *yaml.Node {
	s.asked = append(s.asked, key)
	return s.value[key]
}

func (s *section) open(key string) *section { return s.r.open(s.take(key), s.at(key)) }

// list returns the sections of a list of mappings.
func (s *section) list(key string) []*section {
	items := s.items(key)
	all := make([]*section, len(items))
	for i, n := range items {
		all[i] = s.r.open(n, fmt.Sprintf("%s[%d]", s.at(key), i))
		if isNull(n) {
			all[i].bad = true
			s.r.fail(n, all[i].path, faultf("elemento vuoto: toglierlo", "empty element: remove it"))
		}
	}
	return all
}

// items returns the nodes of a list; an empty one may also be written as nothing.
func (s *section) items(key string) []*yaml.Node {
	n := s.take(key)
	if n == nil || isNull(n) || n.Kind == yaml.AliasNode {
		return nil
	}
	if n.Kind != yaml.SequenceNode || n.ShortTag() != "!!seq" {
		s.fail(key, faultf("qui serve un elenco (righe che cominciano con «- »)", "a list is needed here (lines starting with «- »)"))
		return nil
	}
	return n.Content
}

// fail reports on the key's value, or on the section when the key is absent.
func (s *section) fail(key string, f *fault) {
	n := s.node
	if v := s.value[key]; v != nil {
		n = v
	}
	s.r.fail(n, s.at(key), f)
}

// close reports every key that nobody asked for.
func (s *section) close() {
	for _, k := range s.keys {
		if slices.Contains(s.asked, k.Value) {
			continue
		}
		f := faultf("chiave sconosciuta; qui si usano: %s", "unknown key; the keys here are: %s", strings.Join(s.asked, ", "))
		if near := nearest(k.Value, s.asked); near != "" {
			f = faultf("chiave sconosciuta; forse «%s»?", "unknown key; maybe «%s»?", near)
		}
		s.r.fail(k, s.at(k.Value), f)
	}
}

// optional reads the key's value, or gives def when it is absent or refused.
func optional[T any](s *section, key string, def T, parse func(*yaml.Node) (T, *fault)) T {
	n := s.take(key)
	if n == nil {
		return def
	}
	v, f := parse(n)
	if f != nil {
		s.fail(key, f)
		return def
	}
	return v
}

// required reads the key's value and reports its absence.
func required[T any](s *section, key string, parse func(*yaml.Node) (T, *fault)) T {
	var zero T
	if s.value[key] == nil && !s.bad {
		s.fail(key, faultf("manca: aggiungere questa chiave", "missing: add this key"))
	}
	return optional(s, key, zero, parse)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
