// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

type submitCmd struct {
	File       string `arg:"" help:"Una segnalazione JSON per riga; i media stanno nella cartella media accanto al file, o accanto a esso." type:"existingfile"`
	ShiftWeeks string `name:"shift-weeks" aliases:"shift" placeholder:"N|auto" help:"Sposta tutte le date di N settimane; auto: quante ne servono perché gli esempi siano nel futuro, e cambia di settimana in settimana (move all dates by whole weeks)."`
}

// Run submits a file.
func (c *submitCmd) Run(r *Run) error {
	weeks, err := ParseShift(c.ShiftWeeks, time.Now())
	if err != nil {
		return err
	}
	client, err := r.client(palinsesto.RoleRedattore)
	if err != nil {
		return err
	}
	s := &Submission{Client: func(string) *Client { return client }, File: c.File, Weeks: weeks, Term: r.Term, JSON: r.Flags.JSON}
	sum, err := s.Run(r.Ctx)
	if err != nil {
		return err
	}
	if sum.Refused > 0 {
		return ErrSaid
	}
	return nil
}

// ErrSaid is a failure of which everything was said already.
var ErrSaid = errors.New("refused")

// Submission is one file on its way in.
type Submission struct {
	// Client sends the records of a centre.
	Client func(centre string) *Client
	File   string
	Weeks  int // by which dates are moved
	Zone   *time.Location
	Term   Terminal
	JSON   bool
	Quiet  bool // only counts, no lines

	store *mediaStore
	total int
	sum   Summary
}

// Summary is what became of a file.
type Summary struct {
	Accepted, Already, Refused int
	IDs                        []string // of what is in, in the order of the file
}

// lineMost bounds a line: more than an event may take cannot be a segnalazione.
const lineMost = 1 << 20

// outcome is what became of one line, as --json tells it.
type outcome struct {
	Line     int                  `json:"line"`
	ID       string               `json:"id,omitempty"`
	State    string               `json:"state,omitempty"`
	Already  bool                 `json:"already,omitempty"` // it came in before
	Refused  bool                 `json:"refused"`
	Problems []palinsesto.Problem `json:"problems,omitempty"`
	Detail   string               `json:"detail,omitempty"`
}

// Run submits every line; a refused one does not keep the others back. The error is of what made going
// on pointless: then the same can be run again, what is in stays in once.
func (s *Submission) Run(ctx context.Context) (Summary, error) {
	f, err := os.Open(s.File)
	if err != nil {
		return s.sum, fmt.Errorf("il file non si apre (cannot open): %w", err)
	}
	defer f.Close()
	if s.Zone == nil {
		if s.Zone, err = time.LoadLocation("Europe/Rome"); err != nil {
			return s.sum, err
		}
	}
	if s.total, err = countLines(f); err != nil {
		return s.sum, err
	}
	if s.total == 0 {
		return s.sum, fmt.Errorf("%s è vuoto: serve una segnalazione JSON per riga (the file is empty)", s.File)
	}
	s.store = openMedia(filepath.Dir(s.File))
	defer s.store.close()
	lines := bufio.NewReaderSize(f, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s.sum, fmt.Errorf("riga %d: %w", n, err)
		}
		if len(line) == 0 {
			continue
		}
		o, err := s.one(ctx, n, line)
		if err != nil {
			s.clear()
			return s.sum, fmt.Errorf("riga %d: interrotto; ripetere lo stesso comando: ciò che è già entrato non entra due volte (stopped here, run it again): %w", n, err)
		}
		s.tell(o)
	}
	s.clear()
	s.summary()
	return s.sum, nil
}

// readLine reads one line, without what is around it; of a line that is too long it gives the beginning,
// which the house refuses as broken JSON.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if room := lineMost - len(line); room > 0 {
			line = append(line, part[:min(room, len(part))]...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) && len(line) > 0 {
			err = nil
		}
		// A file from another system may begin with a byte order mark.
		return bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff"))), err
	}
}

func countLines(f *os.File) (int, error) {
	n, r := 0, bufio.NewReaderSize(f, 64<<10)
	for {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		if len(line) > 0 {
			n++
		}
	}
	_, err := f.Seek(0, io.SeekStart)
	return n, err
}

// one submits a line: its files first, each content once, then the record under a key of its own.
func (s *Submission) one(ctx context.Context, n int, line []byte) (outcome, error) {
	o := outcome{Line: n}
	doc := shiftRecord(line, func(m string) string { return shiftMoment(m, s.Weeks, s.Zone) })
	sum := sha256.Sum256(doc)
	client := s.Client(centreOf(doc))
	ids, refusals, err := s.store.upload(ctx, client, mediaOf(doc))
	if err != nil {
		return o, err
	}
	var seg struct{ ID, State string }
	var status int
	err = client.Do(ctx, Call{
		Method: http.MethodPost, Path: "/api/v1/segnalazioni", Body: nameMedia(doc, ids), Key: hex.EncodeToString(sum[:]), Status: &status,
	}, &seg)
	var no *Refusal
	switch {
	case errors.As(err, &no) && aboutTheRecord(no.Status):
		o.Refused, o.Detail, o.Problems = true, no.Detail, merge(no.Problems, refusals)
	case err != nil:
		return o, err
	default:
		o.ID, o.State, o.Already = seg.ID, seg.State, status == http.StatusOK
	}
	return o, nil
}

// aboutTheRecord: other refusals (no access, too many requests, a fault) would meet every line.
func aboutTheRecord(status int) bool {
	switch status {
	case http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusForbidden, http.StatusConflict, http.StatusRequestEntityTooLarge:
		return true
	default:
		return false
	}
}

func centreOf(doc []byte) string {
	var r struct {
		Centre any `json:"centre"`
	}
	_ = json.Unmarshal(doc, &r) // what is wrong with it is for the house to say
	centre, _ := r.Centre.(string)
	return centre
}

// lacking are the codes that say that a network needs a file: of a file that was refused they say what is
// not so, and hide what is.
var lacking = []string{"V-IGMEDIA", "V-YTVIDEO"}

// merge puts why a file was refused in place of the house's word that it is not there.
func merge(found []palinsesto.Problem, refused map[int][]palinsesto.Problem) []palinsesto.Problem {
	var out []palinsesto.Problem
	at := map[string]int{}
	for i := range refused {
		at[fmt.Sprintf("media[%d]", i)] = i
	}
	for _, p := range found {
		if i, ours := at[p.Field]; ours && p.Code == codeMedia {
			out = append(out, refused[i]...)
			delete(refused, i)
			continue
		}
		if len(at) > 0 && slices.Contains(lacking, p.Code) {
			continue
		}
		out = append(out, p)
	}
	for i := range len(at) + len(found) { // what the house did not come to
		out = append(out, refused[i]...)
	}
	return out
}

func (s *Submission) tell(o outcome) {
	switch {
	case o.Refused:
		s.sum.Refused++
	case o.Already:
		s.sum.Already++
	default:
		s.sum.Accepted++
	}
	if !o.Refused {
		s.sum.IDs = append(s.sum.IDs, o.ID)
	}
	switch {
	case s.Quiet:
	case s.JSON:
		_ = json.NewEncoder(s.Term.Out).Encode(o) // of a closed pipe nobody reads the error either
	case o.Refused:
		s.clear()
		for _, l := range o.lines() {
			fmt.Fprintln(s.Term.Out, l)
		}
	}
	s.progress()
}

// lines are a refused record's reasons, one each.
func (o outcome) lines() []string {
	if len(o.Problems) == 0 {
		return []string{fmt.Sprintf("riga %d: %s", o.Line, o.Detail)}
	}
	var out []string
	for _, p := range o.Problems {
		l := fmt.Sprintf("riga %d: %s", o.Line, Line(p))
		if p.Level != palinsesto.LevelError {
			l += " (non è motivo di rifiuto)"
		}
		out = append(out, l)
	}
	return out
}

func (s *Submission) progress() {
	if s.Term.Progress && !s.JSON {
		fmt.Fprintf(s.Term.Err, "\r%d di %d inviate, %d respinte ", s.sum.done(), s.total, s.sum.Refused)
	}
}

// clear takes the progress line away.
func (s *Submission) clear() {
	if s.Term.Progress && !s.JSON {
		fmt.Fprint(s.Term.Err, "\r\033[K")
	}
}

func (s *Submission) summary() {
	if s.Quiet || s.JSON {
		return
	}
	fmt.Fprintf(s.Term.Out, "%d segnalazioni: %d prese in carico, %d già presenti, %d respinte (%[2]d accepted, %[3]d there already, %[4]d refused)\n",
		s.sum.done(), s.sum.Accepted, s.sum.Already, s.sum.Refused)
}

func (s Summary) done() int { return s.Accepted + s.Already + s.Refused }
