// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Bounds of a document. What is beyond them is not read.
const (
	MaxDocument = 256 << 10 // bytes, as an event's payload
	maxDepth    = 8
	maxValues   = 4096
)

// node is one JSON value: nil, bool, json.Number, string, []node or []member. encoding/json alone would
// stop at the first wrong type, take the last of two equal keys and match names without their case.
type node struct{ value any }

type member struct {
	key   string
	value node
}

// broken is a document that cannot be read.
type broken struct{ it, en string }

func (b *broken) Error() string { return b.en }

func brokenf(it, en string, args ...any) *broken {
	return &broken{fmt.Sprintf(it, args...), fmt.Sprintf(en, args...)}
}

// parse reads exactly one JSON value.
func parse(doc []byte) (node, error) {
	if len(doc) > MaxDocument {
		return node{}, brokenf("Il documento è di %d byte, il massimo è %d. Accorciare il testo; le immagini si caricano a parte.",
			"The document has %d bytes, at most %d are taken. Shorten the text; media are uploaded apart.", len(doc), MaxDocument)
	}
	if at := invalidUTF8(doc); at >= 0 {
		return node{}, brokenf("Il documento non è UTF-8 (byte %d). Salvarlo in UTF-8 e inviarlo di nuovo.",
			"The document is not UTF-8 (byte %d). Save it as UTF-8 and send it again.", at)
	}
	r := reader{dec: json.NewDecoder(bytes.NewReader(doc))}
	r.dec.UseNumber()
	n, err := r.value(0)
	if err != nil {
		return node{}, r.explain(err, doc)
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return node{}, brokenf("Dopo la fine del documento (byte %d) c'è dell'altro. Inviare un solo documento per volta.",
			"There is more after the end of the document (byte %d). Send one document at a time.", r.end)
	}
	return n, nil
}

func invalidUTF8(doc []byte) int {
	for i := 0; i < len(doc); {
		r, size := utf8.DecodeRune(doc[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

type reader struct {
	dec    *json.Decoder
	values int
	end    int64 // of the last token
}

func (r *reader) token() (json.Token, error) {
	t, err := r.dec.Token()
	if err == nil {
		r.end = r.dec.InputOffset()
	}
	return t, err
}

func (r *reader) value(depth int) (node, error) {
	t, err := r.token()
	if err != nil {
		return node{}, err
	}
	r.values++
	if r.values > maxValues || depth > maxDepth {
		return node{}, brokenf("Il documento ha troppi valori o troppi livelli (byte %d). Una segnalazione ne ha pochi: controllare il programma che la scrive.",
			"The document has too many values or levels (byte %d). A segnalazione has few: check the program that writes it.", r.end)
	}
	d, nested := t.(json.Delim)
	switch {
	case !nested:
		return node{t}, nil
	case d == '[':
		return r.list(depth + 1)
	default:
		return r.object(depth + 1)
	}
}

func (r *reader) list(depth int) (node, error) {
	items := []node{}
	for r.dec.More() {
		n, err := r.value(depth)
		if err != nil {
			return node{}, err
		}
		items = append(items, n)
	}
	_, err := r.token() // the closing bracket
	return node{items}, err
}

func (r *reader) object(depth int) (node, error) {
	members := []member{}
	for r.dec.More() {
		t, err := r.token()
		if err != nil {
			return node{}, err
		}
		key, _ := t.(string) // the decoder takes nothing else for a key
		n, err := r.value(depth)
		if err != nil {
			return node{}, err
		}
		members = append(members, member{key, n})
	}
	_, err := r.token()
	return node{members}, err
}

// explain says where a document stops being JSON. The reader's own offsets are those of a token: the
// whole is read again for the exact one.
func (r *reader) explain(err error, doc []byte) *broken {
	var b *broken
	if errors.As(err, &b) {
		return b
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return brokenf("Il documento finisce a metà (byte %d): non è JSON completo. Controllarlo e inviarlo di nuovo.",
			"The document ends half-way (byte %d): it is not complete JSON. Check it and send it again.", len(doc))
	}
	at := r.end
	var raw json.RawMessage
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(doc, &raw), &syntax) {
		at = syntax.Offset
	}
	return brokenf("Il documento non è JSON: l'errore è al byte %d. Controllare virgolette, virgole e parentesi in quel punto.",
		"The document is not JSON: the error is at byte %d. Check quotes, commas and brackets there.", at)
}
