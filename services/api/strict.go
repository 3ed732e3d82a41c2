// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// strictCasing has huma take names as they are written. encoding/json takes "Scope" for "scope", and of
// the two the last: a body would say one thing to a person and to whoever checks it, another to the house.
var strictCasing = sync.OnceFunc(func() { huma.ValidateStrictCasing = true })

// strictFormats are huma's, but for bodies that say two things.
func strictFormats() map[string]huma.Format {
	strictCasing()
	formats := maps.Clone(huma.DefaultFormats)
	for name, f := range formats {
		f.Unmarshal = unmarshal
		formats[name] = f
	}
	return formats
}

func unmarshal(data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return err
	}
	return namedOnce(data)
}

// namedOnce refuses an object that has a name twice, of which encoding/json keeps the last (RFC 8259,
// section 4: what receivers make of it is unpredictable). data is JSON.
func namedOnce(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	var open []map[string]bool // the names of what stands open; nil for a list
	for isName := false; ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if name, ok := token.(string); ok && isName {
			names := open[len(open)-1]
			if names[name] {
				return fmt.Errorf("name twice: %q", cut(name, 40))
			}
			names[name], isName = true, false
			continue
		}
		switch token {
		case json.Delim('{'):
			open = append(open, map[string]bool{})
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		isName = len(open) > 0 && open[len(open)-1] != nil
	}
}
