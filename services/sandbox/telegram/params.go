// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

const (
	maxFields = 100     // of one request
	maxPlain  = 1 << 20 // a body without files, and one field of a multipart body
)

// params are a request's arguments, flattened to strings as the real server does: what is structured is
// JSON text, whichever way the body came.
type params struct {
	maxFile int64
	values  map[string]string
	files   map[string]file
}

type file struct {
	name string
	data []byte
}

// get returns a value; the literal null, which go-telegram-bot-api sends for absent lists, is none.
func (p params) get(name string) string {
	if value := p.values[name]; value != "null" {
		return value
	}
	return ""
}

// flag reads a boolean as the real server does, which takes several words for yes and all else for no.
func (p params) flag(name string) bool {
	switch strings.ToLower(p.get(name)) {
	case "true", "yes", "1", "t", "y":
		return true
	}
	return false
}

// decode reads a structured value into out; absent leaves it as it is.
func (p params) decode(name string, out any) *apiError {
	value := p.get(name)
	if value == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(value), out); err != nil {
		return badRequest("can't parse %s JSON object", strings.ReplaceAll(name, "_", " ")) // wording ours
	}
	return nil
}

var errTooLarge = &apiError{Code: http.StatusRequestEntityTooLarge, Description: "Request Entity Too Large"}

// readParams reads address and body, bounded.
func readParams(w http.ResponseWriter, r *http.Request, maxBody, maxFile int64) (params, *apiError) {
	p := params{maxFile: maxFile, values: map[string]string{}, files: map[string]file{}}
	if err := p.addForm(r.URL.RawQuery); err != nil {
		return p, err
	}
	kind, args, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		body := http.MaxBytesReader(w, r.Body, maxBody)
		return p, p.readMultipart(multipart.NewReader(body, args["boundary"]), body)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPlain))
	if err != nil {
		return p, bodyError(err)
	}
	switch kind {
	case "application/json":
		return p, p.addJSON(body)
	case "application/x-www-form-urlencoded":
		return p, p.addForm(string(body))
	}
	return p, nil // the real server ignores a body of another type
}

func bodyError(err error) *apiError {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	return badRequest("can't read the request body") // wording ours
}

func (p params) addForm(encoded string) *apiError {
	values, err := url.ParseQuery(encoded)
	if err != nil || len(values) > maxFields {
		return badRequest("can't parse the request") // wording ours
	}
	for name, list := range values {
		p.values[name] = list[0]
	}
	return nil
}

// addJSON flattens an object; a list or a bare value is no set of arguments.
func (p params) addJSON(body []byte) *apiError {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || len(fields) > maxFields {
		return badRequest("can't parse the request: object expected") // wording ours
	}
	for name, raw := range fields {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			text = string(raw) // numbers, booleans, lists and objects stay JSON
		}
		p.values[name] = text
	}
	return nil
}

func (p params) readMultipart(parts *multipart.Reader, body io.Reader) *apiError {
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			// To the very end: only then does the server notice that the client leaves.
			_, err = io.Copy(io.Discard, body)
			if err != nil {
				return bodyError(err)
			}
			return nil
		}
		if err != nil {
			return bodyError(err)
		}
		if n >= maxFields {
			return badRequest("can't parse the request") // wording ours
		}
		if err := p.addPart(part); err != nil {
			return err
		}
	}
}

// addPart holds a part in memory. One byte past the limit is read, to tell "full" from "too much".
func (p params) addPart(part *multipart.Part) *apiError {
	name, isFile := part.FormName(), part.FileName() != ""
	limit := int64(maxPlain)
	if isFile {
		limit = p.maxFile
	}
	data, err := io.ReadAll(io.LimitReader(part, limit+1))
	if err != nil {
		return bodyError(err)
	}
	if int64(len(data)) > limit {
		return errTooLarge
	}
	if isFile {
		p.files[name] = file{part.FileName(), data}
	} else {
		p.values[name] = string(data)
	}
	return nil
}
