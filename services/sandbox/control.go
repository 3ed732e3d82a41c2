// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

// maxScript bounds the body of a fault that is added.
const maxScript = 64 << 10

// pageCSP lets the wall show its own style sheet and media and nothing else: what is published is hostile.
const pageCSP = "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (s *Sandbox) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.servePage)
	mux.HandleFunc("GET /wall.css", serveStyle)
	mux.HandleFunc("GET /wall.json", s.serveWall)
	mux.HandleFunc("GET /media/{hash}", s.serveMedia)
	mux.HandleFunc("GET /requests.json", s.serveRequests)
	mux.HandleFunc("GET /faults", s.serveFaults)
	mux.HandleFunc("POST /faults", s.addFault)
	mux.HandleFunc("DELETE /faults", s.clearFaults)
	mux.HandleFunc("DELETE /faults/{id}", s.removeFault)
	mux.HandleFunc("POST /reset", s.serveReset)
	mux.HandleFunc("GET /", nothing)
	return secured(s.guard.Handler(mux))
}

// secured sets the headers of every page and file that is not a network's API.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", pageCSP)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// Faults is the script, to be changed at any time.
func (s *Sandbox) Faults() *Faults { return &s.faults }

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left is no trouble of ours
}

func refuse(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string][]string{"errors": strings.Split(err.Error(), "\n")})
}

// selected filters the wall by ?network= and ?account=, the latter by name or id.
func (s *Sandbox) selected(r *http.Request) []Item {
	network, account := r.URL.Query().Get("network"), r.URL.Query().Get("account")
	for _, a := range s.Accounts() {
		if account != "" && account == a.ID {
			account = a.Name
		}
	}
	selected := []Item{}
	for _, item := range s.wall.snapshot() {
		if (network == "" || item.Network == network) && (account == "" || strings.EqualFold(item.Account, account)) {
			selected = append(selected, item)
		}
	}
	return selected
}

func (s *Sandbox) serveWall(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, s.selected(r))
}

func (s *Sandbox) serveRequests(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, s.Requests())
}

func (s *Sandbox) serveFaults(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, s.faults.List())
}

func (s *Sandbox) addFault(w http.ResponseWriter, r *http.Request) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxScript))
	var raw json.RawMessage
	var fault Fault
	err := decoder.Decode(&raw)
	if err == nil {
		err = strictFault(raw, &fault)
	}
	if err == nil {
		fault.ID, err = s.faults.Add(fault)
	}
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err)
		return
	}
	s.signal.fire()
	reply(w, http.StatusCreated, fault)
}

// strictFault refuses unknown fields: a misspelt "acount" would strike every channel.
func strictFault(raw []byte, fault *Fault) error {
	strict := json.NewDecoder(strings.NewReader(string(raw)))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&faultJSON{}); err != nil {
		return err
	}
	return json.Unmarshal(raw, fault)
}

func (s *Sandbox) clearFaults(w http.ResponseWriter, _ *http.Request) {
	s.faults.Clear()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sandbox) removeFault(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || !s.faults.Remove(id) {
		refuse(w, http.StatusNotFound, errors.New("nessun guasto con questo numero"))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sandbox) serveReset(w http.ResponseWriter, _ *http.Request) {
	if err := s.Reset(); err != nil {
		s.log.Error("sandbox: azzeramento", "err", err)
		refuse(w, http.StatusInternalServerError, errors.New("non tutto è stato azzerato: vedere il registro"))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// nothing is for a trainee who mistyped an address.
func nothing(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "Qui non c'è nulla: il muro è a /, i guasti a /faults (nothing here: the wall is at /, the faults at /faults).", http.StatusNotFound)
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, assets, "assets/wall.css")
}

// shown are the types that a browser may show from here; all else is a download, so that a published SVG or
// HTML file cannot act on the wall's origin.
var shown = map[string]bool{
	"image/jpeg": true, "image/png": true, "image/gif": true, "image/webp": true, "video/mp4": true,
}

func (s *Sandbox) serveMedia(w http.ResponseWriter, r *http.Request) {
	file, err := s.Media(r.PathValue("hash"))
	if err != nil {
		nothing(w, r)
		return
	}
	defer file.Close()
	head := make([]byte, 512)
	n, _ := io.ReadFull(file, head)
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		http.Error(w, "file illeggibile", http.StatusInternalServerError)
		return
	}
	kind := http.DetectContentType(head[:n])
	if !shown[kind] {
		kind = "application/octet-stream"
		w.Header().Set("Content-Disposition", "attachment")
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable") // the address is the content
	http.ServeContent(w, r, "", time.Time{}, file)
}
