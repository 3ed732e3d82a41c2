// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func TestSubmit(t *testing.T) {
	h := newHouse(t)
	file := h.media("saldatura.jpg")
	doc := offer(fields{
		"media":           []map[string]string{{"id": file.Hash, "filename": "saldatura.jpg", "alt": "Mani che saldano un tubo d'acciaio"}},
		"wanted_channels": []string{"telegram", "facebook"}, "title": "Caffe\u0300 e lavoro",
	})
	command := palinsesto.Command{ID: uuid.NewString(), Actor: ancona}
	r, err := h.send(h.Service, palinsesto.Submit{Command: command, Document: doc})
	require.NoError(t, err)
	seg := r.Segnalazione
	require.True(t, r.Created)
	require.True(t, palinsesto.ValidID(seg.ID))
	require.Equal(t, palinsesto.SegSubmitted, seg.State)
	require.EqualValues(t, 1, seg.Version)
	require.Equal(t, ancona, seg.Author)
	require.Equal(t, []string{"telegram-marche"}, seg.Channels)
	require.Equal(t, "Caff\u00e8 e lavoro", seg.Title)
	require.Equal(t, 800, seg.Media[0].Width, "what the store knows counts")
	require.Equal(t, map[string]string{"V-RETE-ASSENTE": "wanted_channels[1]", "U-NFD": "title", "V-DOPPIONE": ""}, codes(seg.Marks))
	require.Nil(t, seg.Approval)
	require.True(t, seg.SubmittedAt.Equal(h.clock()))

	records := h.history(seg)
	require.Len(t, records, 1)
	e, err := bus.Decode(contract.Segnalazioni, records[0])
	require.NoError(t, err)
	require.Equal(t, "submitted", e.Name)
	require.Equal(t, command.ID, e.Envelope.CommandID)
	require.Equal(t, ancona, e.Envelope.Actor)
	require.Equal(t, r.Seq, e.Seq)
}

func TestSubmitRefuses(t *testing.T) {
	h := newHouse(t)
	one, two, three := h.media("a"), h.media("b"), h.media("c")
	with := func(ms ...palinsesto.Media) []map[string]string {
		var out []map[string]string
		for _, m := range ms {
			out = append(out, map[string]string{"id": m.Hash, "filename": m.Filename + ".jpg", "alt": "Una sala con molte persone"})
		}
		return out
	}
	as := func(r palinsesto.Role) palinsesto.Actor { return palinsesto.Actor{ID: "token:x", Role: r} }
	for name, c := range map[string]struct {
		by    palinsesto.Actor
		key   string
		doc   []byte
		code  palinsesto.Code
		found map[string]string
	}{
		"another centre":            {by: ancona, doc: offer(fields{"centre": "jesi"}), code: palinsesto.CodeForbidden},
		"a centre that is not":      {by: ancona, doc: offer(fields{"centre": "atlantide"}), code: palinsesto.CodeForbidden},
		"a reader":                  {by: as(palinsesto.RoleLettore), doc: offer(nil), code: palinsesto.CodeForbidden},
		"an operator":               {by: as(palinsesto.RoleOperatore), doc: offer(nil), code: palinsesto.CodeForbidden},
		"an admin":                  {by: as(palinsesto.RoleAdmin), doc: offer(nil), code: palinsesto.CodeForbidden},
		"a reader without a centre": {by: as(palinsesto.RoleLettore), doc: []byte(`{`), code: palinsesto.CodeForbidden},
		"nobody":                    {by: palinsesto.Actor{Role: palinsesto.RoleRedattore}, doc: offer(nil), code: palinsesto.CodeForbidden},
		"no JSON":                   {by: ancona, doc: []byte("{"), code: palinsesto.CodeInvalid, found: map[string]string{"V-JSON": ""}},
		"nothing":                   {by: ancona, code: palinsesto.CodeInvalid, found: map[string]string{"V-JSON": ""}},
		"unknown for all":           {by: redazione, doc: offer(fields{"centre": "atlantide"}), code: palinsesto.CodeInvalid, found: map[string]string{"V-CENTRE": "centre"}},
		"a channel of others":       {by: ancona, doc: offer(fields{"wanted_channels": []string{"telegram-jesi"}}), code: palinsesto.CodeInvalid, found: map[string]string{"V-CANALE": "wanted_channels[0]"}},
		"an endless key":            {by: ancona, key: strings.Repeat("k", 256), doc: offer(nil), code: palinsesto.CodeInvalid, found: map[string]string{"V-CAMPO": "Idempotency-Key"}},
		"too many files":            {by: ancona, doc: offer(fields{"media": with(one, two, three)}), code: palinsesto.CodeInvalid, found: map[string]string{"V-MEDIA": "media"}},
		"files that are not stored": {by: ancona, doc: offer(fields{"media": with(palinsesto.Media{Hash: strings.Repeat("a", 64)})}), code: palinsesto.CodeInvalid, found: map[string]string{"V-MEDIA": "media[0].id"}},
		"everything at once": {by: ancona, code: palinsesto.CodeInvalid,
			doc:   offer(fields{"kind": "festa", "title": 7, "link": "javascript:alert(1)", "expires_at": "2026-12-18T23:59:00+02:00", "body": "x\u200by", "colour": "red"}),
			found: map[string]string{"V-KIND": "kind", "V-TIPO": "title", "V-URL": "link", "V-OFFSET": "expires_at", "U-ZW": "body", "V-CAMPO": "colour"}},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := h.Bus.LastSeq(context.Background())
			require.NoError(t, err)
			_, err = h.trySubmit(c.by, c.key, c.doc)
			require.Equal(t, c.code, palinsesto.CodeOf(err), "%v", err)
			if c.found != nil {
				require.Equal(t, c.found, codes(problemsOf(t, err)), "%v", err)
			}
			after, err := h.Bus.LastSeq(context.Background())
			require.NoError(t, err)
			require.Equal(t, before, after, "nothing may be written")
		})
	}
}

func TestMalformedCommands(t *testing.T) {
	h := newHouse(t)
	for _, handle := range []func(context.Context, []byte) ([]byte, error){h.submit, h.revise} {
		_, err := handle(context.Background(), []byte{0xff, 0xff})
		require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err))
	}
}

// A store that does not answer is our fault, not the document's: "this file does not exist" would be a lie.
func TestSubmitWithoutTheStore(t *testing.T) {
	h := newHouse(t)
	doc := offer(fields{"media": []map[string]string{{"id": strings.Repeat("a", 64), "filename": "a.jpg", "alt": "Una sala con molte persone"}}})
	lost, cancel := context.WithCancel(context.Background())
	cancel()
	data, err := contract.EncodeSubmit(palinsesto.Submit{Command: palinsesto.Command{Actor: ancona}, Document: doc})
	require.NoError(t, err)
	_, err = h.submit(lost, data)
	require.Equal(t, palinsesto.CodeInternal, palinsesto.CodeOf(err), "%v", err)
}

// A repeat under its key is what was taken, whatever became of it and whatever time it is.
func TestSubmitAgainUnderItsKey(t *testing.T) {
	h := newHouse(t)
	doc := offer(nil)
	first, err := h.trySubmit(ancona, "riga-1", doc)
	require.NoError(t, err)
	again := func(doc []byte) palinsesto.Segnalazione {
		t.Helper()
		r, err := h.trySubmit(ancona, "riga-1", doc)
		require.NoError(t, err)
		require.False(t, r.Created)
		require.Equal(t, first.Segnalazione.ID, r.Segnalazione.ID)
		return r.Segnalazione
	}
	again(doc)
	again(compact(t, doc)) // laid out differently: the same document

	_, err = h.tryRevise(palinsesto.Revise{
		Command: palinsesto.Command{Actor: ancona}, SegnalazioneID: first.Segnalazione.ID, Version: 1, Document: offer(fields{"title": "Saldatrice/saldatore"}),
	})
	require.NoError(t, err)
	require.EqualValues(t, 2, again(doc).Version, "it moved on since")
	_, err = h.trySubmit(ancona, "riga-1", offer(fields{"title": "Saldatrice/saldatore"}))
	require.Equal(t, palinsesto.CodeKeyReused, palinsesto.CodeOf(err), "the revised text was not what came under the key")

	h.pass(60 * 24 * time.Hour) // past the expiry: a new one would be refused
	again(doc)
	_, err = h.trySubmit(ancona, "riga-2", doc)
	require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err))
	h.put(palinsesto.SegWasWithdrawn, func(s *palinsesto.Segnalazione) { s.State = palinsesto.SegWithdrawn }, first.Segnalazione.ID)
	require.Equal(t, palinsesto.SegWithdrawn, again(doc).State)
	h.put(palinsesto.SegWasErased, func(s *palinsesto.Segnalazione) {
		*s = palinsesto.Segnalazione{ID: s.ID, Centre: s.Centre, State: palinsesto.SegErased}
	}, first.Segnalazione.ID)
	require.Equal(t, palinsesto.SegErased, again(doc).State)
}

func TestKeysAreApart(t *testing.T) {
	h := newHouse(t)
	mine, err := h.trySubmit(ancona, "k", offer(nil))
	require.NoError(t, err)
	other, err := h.trySubmit(ancona, "k2", offer(nil))
	require.NoError(t, err)
	require.NotEqual(t, mine.Segnalazione.ID, other.Segnalazione.ID)
	theirs, err := h.trySubmit(collega, "k", offer(nil))
	require.NoError(t, err)
	require.NotEqual(t, mine.Segnalazione.ID, theirs.Segnalazione.ID, "a key belongs to whoever uses it")

	_, err = h.trySubmit(redazione, "k", offer(nil))
	require.NoError(t, err)
	_, err = h.trySubmit(redazione, "k", offer(fields{"centre": "jesi"}))
	require.Equal(t, palinsesto.CodeKeyReused, palinsesto.CodeOf(err), "another centre is another body")
	_, err = h.trySubmit(ancona, "k", offer(fields{"place": "Falconara"}))
	require.Equal(t, palinsesto.CodeKeyReused, palinsesto.CodeOf(err))
	_, err = h.trySubmit(ancona, "k", []byte("{"))
	require.Equal(t, palinsesto.CodeKeyReused, palinsesto.CodeOf(err))
}

// Without a key the command's own id keeps a lost answer from making two.
func TestSubmitSameCommandAgain(t *testing.T) {
	h := newHouse(t)
	id, err := uuid.NewV7()
	require.NoError(t, err)
	cmd := palinsesto.Submit{Command: palinsesto.Command{ID: id.String(), Actor: ancona}, Document: offer(nil)}
	first, err := h.send(h.Service, cmd)
	require.NoError(t, err)
	second, err := h.send(h.Service, cmd)
	require.NoError(t, err)
	require.True(t, first.Created)
	require.False(t, second.Created)
	require.Equal(t, first.Segnalazione, second.Segnalazione)
	for _, other := range []palinsesto.Actor{jesi, collega, redazione} { // an id of somebody else's opens nothing
		cmd.Actor, cmd.Document = other, offer(nil)
		if other == jesi {
			cmd.Document = offer(fields{"centre": "jesi"})
		}
		_, err = h.send(h.Service, cmd)
		require.Equal(t, palinsesto.CodeKeyReused, palinsesto.CodeOf(err), other.Name)
	}
}

func TestSubmitManyAtOnceUnderOneKey(t *testing.T) {
	h := newHouse(t)
	rooms := []*Service{h.Service, h.copy(h.Index)} // two copies share the work
	replies := make([]contract.SegReply, 20)
	errs := make([]error, len(replies))
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() {
			replies[i], errs[i] = h.send(rooms[i%2], palinsesto.Submit{Command: palinsesto.Command{Actor: ancona}, Key: "one", Document: offer(nil)})
		})
	}
	wg.Wait()
	made := 0
	for i, r := range replies {
		require.NoError(t, errs[i])
		require.Equal(t, replies[0].Segnalazione.ID, r.Segnalazione.ID)
		require.Equal(t, replies[0].Seq, r.Seq)
		if r.Created {
			made++
		}
	}
	require.Equal(t, 1, made)
	require.Len(t, h.history(replies[0].Segnalazione), 1)
}

// Two bodies for two centres have two subjects: a guard on the subject alone would let both in, in one
// copy of the room and in two.
func TestSubmitTwoBodiesAtOnceUnderOneKey(t *testing.T) {
	h := newHouse(t)
	other := h.copy(h.Index)
	for name, rooms := range map[string][]*Service{"one copy": {h.Service, h.Service}, "two copies": {h.Service, other}} {
		t.Run(name, func(t *testing.T) {
			for n := range 8 {
				key := fmt.Sprint(name, n)
				errs := make(chan error, 2)
				var wg sync.WaitGroup
				for i, centre := range []string{"ancona", "jesi"} {
					wg.Go(func() {
						_, err := h.send(rooms[i], palinsesto.Submit{Command: palinsesto.Command{Actor: redazione}, Key: key, Document: offer(fields{"centre": centre})})
						errs <- err
					})
				}
				wg.Wait()
				records, err := h.Bus.Newest(context.Background(), 0, contract.AnySeg(palinsesto.DeriveID("seg", redazione.ID, key)))
				require.NoError(t, err)
				require.Len(t, records, 1)
				codes := []palinsesto.Code{palinsesto.CodeOf(<-errs), palinsesto.CodeOf(<-errs)}
				require.ElementsMatch(t, []palinsesto.Code{"", palinsesto.CodeKeyReused}, codes)
			}
		})
	}
}

func TestSubmitWhenTheDiskIsFull(t *testing.T) {
	free := uint64(200)
	h := newHouse(t, func(o *bus.Options) { o.Floor, o.Space = 100, func() (uint64, error) { return free, nil } })
	_, err := h.trySubmit(ancona, "k", offer(nil))
	require.NoError(t, err)
	free = 99
	_, err = h.trySubmit(ancona, "k2", offer(nil))
	require.Equal(t, palinsesto.CodeFull, palinsesto.CodeOf(err))
	r, err := h.trySubmit(ancona, "k", offer(nil))
	require.NoError(t, err, "what was taken is told also now")
	require.False(t, r.Created)
	free = 100
	_, err = h.trySubmit(ancona, "k2", offer(nil))
	require.NoError(t, err)
}

// The room answers on the bus, and ends cleanly.
func TestRun(t *testing.T) {
	h := newHouse(t)
	caller := bustest.Connect(t, h.server)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	data, err := contract.EncodeSubmit(palinsesto.Submit{Command: palinsesto.Command{Actor: ancona}, Key: "k", Document: offer(nil)})
	require.NoError(t, err)
	var raw []byte
	for { // until the room listens
		if raw, err = caller.Request(context.Background(), "intake", "submit", data); palinsesto.CodeOf(err) != palinsesto.CodeBusy {
			break
		}
	}
	r, err := decoded(raw, err)
	require.NoError(t, err)
	require.Equal(t, palinsesto.SegSubmitted, r.Segnalazione.State)
	stop()
	require.NoError(t, <-ended)
}

// A referente who has heard of a hash cannot name the file, and so see it; the redazione sees it anyway,
// and what it put into a segnalazione stays there when the centre revises it.
func TestFilesOfOtherCentres(t *testing.T) {
	h := newHouse(t)
	theirs := h.media("cv-mario-rossi.jpg")
	doc := func(centre string) []byte {
		return offer(fields{"centre": centre, "media": []any{map[string]any{"id": theirs.Hash, "alt": "Una persona che sorride allo sportello"}}})
	}
	_, err := h.trySubmit(jesi, "", doc("jesi"))
	unknown := offer(fields{"centre": "jesi", "media": []any{map[string]any{"id": strings.Repeat("0", 64), "alt": "Una persona che sorride allo sportello"}}})
	_, none := h.trySubmit(jesi, "", unknown)
	require.NotEmpty(t, problemsOf(t, err))
	require.Equal(t, codes(problemsOf(t, none)), codes(problemsOf(t, err)), "as if it did not exist")

	seg := h.submitted(redazione, doc("jesi"))
	_, err = h.tryRevise(palinsesto.Revise{Command: palinsesto.Command{Actor: jesi}, SegnalazioneID: seg.ID, Version: 1, Document: doc("jesi")})
	require.NoError(t, err)
}
