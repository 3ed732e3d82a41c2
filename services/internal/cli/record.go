// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// A record is changed by splicing bytes, never by reading and writing it again: what is odd in it
// (a field twice, a wrong type) must reach the house as it was written, which then says so.

// file is one entry of a record's media.
type file struct {
	index int
	name  string
	id    string
}

// field is one member of an object: its value's place in the bytes.
type field struct {
	name     string
	from, to int
}

var errNoObject = errors.New("not a JSON object")

// fields finds the members of an object.
func fields(doc []byte) ([]field, error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	var all []field
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, errNoObject
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		end := int(d.InputOffset())
		all = append(all, field{name: name, from: end - len(raw), to: end})
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, err
	}
	return all, nil
}

// splice replaces stretches of doc, which are in order.
func splice(doc []byte, at []field, with func(f field, old []byte) []byte) []byte {
	var out bytes.Buffer
	done := 0
	for _, f := range at {
		out.Write(doc[done:f.from])
		out.Write(with(f, doc[f.from:f.to]))
		done = f.to
	}
	out.Write(doc[done:])
	return out.Bytes()
}

// shiftRecord moves the dates of a record.
func shiftRecord(doc []byte, shift func(string) string) []byte {
	all, err := fields(doc)
	if err != nil {
		return doc
	}
	return splice(doc, all, func(f field, old []byte) []byte {
		var s string
		switch f.name {
		case "starts_at", "ends_at", "expires_at":
			if json.Unmarshal(old, &s) == nil && s != "" {
				if b, err := json.Marshal(shift(s)); err == nil {
					return b
				}
			}
		}
		return old
	})
}

// mediaOf lists the files that a record names.
func mediaOf(doc []byte) []file {
	var r struct {
		Media []json.RawMessage `json:"media"`
	}
	if json.Unmarshal(doc, &r) != nil && r.Media == nil {
		return nil
	}
	var all []file
	for i, raw := range r.Media {
		var m struct {
			ID       any `json:"id"`
			Filename any `json:"filename"`
		}
		if json.Unmarshal(raw, &m) != nil {
			continue
		}
		name, _ := m.Filename.(string)
		id, _ := m.ID.(string)
		all = append(all, file{index: i, name: name, id: id})
	}
	return all
}

// nameMedia puts the ids of uploaded files into a record, by their index.
func nameMedia(doc []byte, ids map[int]string) []byte {
	all, err := fields(doc)
	if err != nil || len(ids) == 0 {
		return doc
	}
	return splice(doc, all, func(f field, old []byte) []byte {
		if f.name != "media" {
			return old
		}
		return nameEach(old, ids)
	})
}

func nameEach(list []byte, ids map[int]string) []byte {
	var items []json.RawMessage
	if json.Unmarshal(list, &items) != nil {
		return list
	}
	for i, id := range ids {
		if i < len(items) {
			items[i] = nameOne(items[i], fmt.Appendf(nil, "%q", id))
		}
	}
	out, err := json.Marshal(items)
	if err != nil {
		return list
	}
	return out
}

// nameOne sets the id of one file, which may be there and empty.
func nameOne(item, id []byte) []byte {
	all, err := fields(item)
	if err != nil {
		return item
	}
	for _, f := range all {
		if f.name == "id" {
			return splice(item, []field{f}, func(field, []byte) []byte { return id })
		}
	}
	open := bytes.IndexByte(item, '{') + 1
	out := append(append(bytes.Clone(item[:open]), `"id":`...), id...)
	if len(all) > 0 {
		out = append(out, ',')
	}
	return append(out, item[open:]...)
}
