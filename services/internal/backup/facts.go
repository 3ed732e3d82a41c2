// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/durable"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Fact is something that a copy taken earlier cannot know and must not undo: that a post went out or was
// removed, that an approval was taken back, that a token was revoked. It holds no text of anybody's.
type Fact struct {
	Log     string                 `json:"log"`
	Seq     uint64                 `json:"seq"`
	At      time.Time              `json:"at"`
	Subject string                 `json:"subject"`
	Event   string                 `json:"event"`
	State   string                 `json:"state,omitempty"` // of a post, after it
	Hash    string                 `json:"hash,omitempty"`
	Link    string                 `json:"link,omitempty"`
	Parts   []palinsesto.PartState `json:"parts,omitempty"`
}

// noted are the events of posts that become facts: from the intent on, what the public may see.
func noted(event string) bool {
	switch palinsesto.PostEvent(event) {
	case palinsesto.PostWasPublishing, palinsesto.PostWasPosted, palinsesto.PostWasUncertain, palinsesto.PostWasResolved,
		palinsesto.PostWasPrepared, palinsesto.PostWasEdited, palinsesto.PostWasRemoved:
		return true
	default:
		return false
	}
}

// factsOf are those of some events, in their order. Of a post the newest is enough: its state holds what
// became of it until then.
func factsOf(log string, batch []bus.Record) (facts []Fact) {
	later := map[string]bool{}
	for _, r := range slices.Backward(batch) {
		if later[r.Subject] {
			continue
		}
		if f, ok := factOf(log, r); ok {
			later[r.Subject] = f.State != "" // a post
			facts = append(facts, f)
		}
	}
	slices.Reverse(facts)
	return facts
}

// factOf is what has to be noted of an event; false: nothing.
func factOf(log string, r bus.Record) (Fact, bool) {
	f := Fact{Log: log, Seq: r.Seq, At: r.Time.UTC(), Subject: r.Subject, Event: r.Event}
	a, err := contract.ParseSubject(r.Subject)
	if err != nil {
		return f, false
	}
	switch a.Aggregate {
	case contract.AggregateToken:
		return f, r.Event == palinsesto.TokenWasRevoked
	case contract.AggregateSeg:
		switch palinsesto.SegEvent(r.Event) {
		case palinsesto.SegWasWithdrawn, palinsesto.SegWasRejected, palinsesto.SegWasRevised, palinsesto.SegWasErased:
			return f, true
		default:
			return f, false
		}
	case contract.AggregatePost:
		if !noted(r.Event) {
			return f, false
		}
		e, err := bus.Decode(contract.Posts, r)
		if err != nil {
			return f, false
		}
		f.State, f.Hash, f.Link, f.Parts = string(e.State.State), e.State.Hash, e.State.Link, e.State.Parts
		return f, true
	default:
		return f, false
	}
}

// factsFile has one fact per line; a year's file is small, and whoever keeps backups for less may
// delete the older ones.
func factsFile(at time.Time) string { return "facts-" + at.UTC().Format("2006") + ".jsonl" }

// appendFacts brings facts to the disk.
func appendFacts(dir string, facts []Fact) error {
	if len(facts) == 0 {
		return nil
	}
	var lines []byte
	for _, f := range facts {
		raw, err := json.Marshal(f)
		if err != nil {
			return err
		}
		lines = append(append(lines, raw...), '\n')
	}
	name := filepath.Join(dir, factsFile(facts[len(facts)-1].At))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	// A line that a power cut tore must not take the next one with it.
	first, torn := state(f)
	if torn {
		lines = append([]byte{'\n'}, lines...)
	}
	_, err = f.Write(lines)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil && first {
		err = durable.Flush(dir)
	}
	return err
}

// state tells whether a file of lines is new, and whether its last line is only half there.
func state(f *os.File) (first, torn bool) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return true, false
	}
	last := []byte{0}
	_, err = f.ReadAt(last, info.Size()-1)
	return false, err == nil && last[0] != '\n'
}

const longestFact = 64 << 10

// readFacts gives what was noted of a log after a sequence, in the order of the log, the newest of each
// subject only. What cannot be read, such as a torn line, is counted: it is no reason to forget the rest.
func readFacts(dir, log string, after uint64) (facts []Fact, unread int, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "facts-*.jsonl"))
	if err != nil {
		return nil, 0, err
	}
	newest := map[string]Fact{}
	for _, name := range names {
		n, err := readFactsOf(name, func(f Fact) {
			if f.Log == log && f.Seq > after && f.Seq >= newest[f.Subject].Seq {
				newest[f.Subject] = f
			}
		})
		if err != nil {
			return nil, unread, fmt.Errorf("gli appunti tenuti fuori dai dati non si leggono (facts cannot be read): %w", err)
		}
		unread += n
	}
	for _, f := range newest {
		facts = append(facts, f)
	}
	slices.SortFunc(facts, func(a, b Fact) int { return int(min(1, max(-1, int64(a.Seq)-int64(b.Seq)))) })
	return facts, unread, nil
}

func readFactsOf(name string, take func(Fact)) (unread int, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return scanFacts(f, take)
}

func scanFacts(r io.Reader, take func(Fact)) (unread int, err error) {
	lines := bufio.NewReaderSize(r, longestFact)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 1 {
			var f Fact
			if json.Unmarshal(line, &f) != nil || f.Seq == 0 || f.Subject == "" {
				unread++
			} else {
				take(f)
			}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			unread++ // and the rest of the line is another that cannot be read
		case errors.Is(err, io.EOF):
			return unread, nil
		case err != nil:
			return unread, err
		}
	}
}
