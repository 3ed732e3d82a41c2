// SPDX-License-Identifier: AGPL-3.0-or-later

package approval_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// requireBound holds an approval to its hashes.
func requireBound(t require.TestingT, a *palinsesto.Approval) {
	require.NotNil(t, a)
	for _, v := range a.Variants {
		require.Equal(t, palinsesto.HashParts(v.Parts), v.Hash)
		require.Empty(t, network.Check(v.Network, v))
	}
	require.Equal(t, palinsesto.HashVariants(a.Variants), a.Hash)
}

func TestApprove(t *testing.T) {
	h := newHouse(t)
	large, small := h.upload("large.png", 2700, 150), h.upload("small.png", 40, 40)
	seg := h.submit(author, fields{
		"wanted_channels": []string{"telegram", "instagram"}, "media": []map[string]string{small, large}, "title": "Sala piena",
	})
	require.Equal(t, []string{"telegram-marche", "telegram-altro", "instagram-marche"}, seg.Channels)
	due := start.Add(2 * time.Hour)
	wide := palinsesto.Variant{Channel: "instagram-marche", Parts: []palinsesto.Part{{Text: "Sala piena", Media: []palinsesto.Media{{Hash: small["id"]}}}}}
	r, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1, Due: due, Reason: "Bene", Variants: []palinsesto.Variant{wide}})
	require.NoError(t, err)
	got := r.Segnalazione
	require.True(t, r.Created)
	require.Equal(t, palinsesto.SegApproved, got.State)
	require.EqualValues(t, 2, got.Version)
	require.Equal(t, seg.Channels, got.Ever)
	requireBound(t, got.Approval)
	require.Equal(t, editor, got.Approval.By)
	require.True(t, got.Approval.Due.Equal(due))
	require.False(t, got.Approval.SelfMade)
	require.Len(t, got.Approval.Variants, 3)

	v, ok := got.Variant("telegram-marche")
	require.True(t, ok)
	require.Contains(t, v.Parts[0].Text, "Sala piena")
	media := v.Parts[0].Media
	require.Equal(t, small["id"], media[0].Hash, "what fits is published as it is")
	require.NotEqual(t, large["id"], media[1].Hash, "what does not fit is made to, before the yes")
	require.Equal(t, 2560, media[1].Width)
	require.Equal(t, large["alt"], media[1].Alt)
	known, err := h.bus.HasMedia(context.Background(), media[1].Hash)
	require.NoError(t, err)
	require.True(t, known)
	v, _ = got.Variant("instagram-marche")
	require.Equal(t, "image/jpeg", v.Parts[0].Media[0].MIME)
	require.Equal(t, large["id"], got.Media[1].Hash, "the segnalazione keeps the original")

	e := h.history(seg)[1]
	require.Equal(t, "approved", e.Name)
	require.Equal(t, "Bene", e.Envelope.Reason)
}

func TestApproveGivenVariants(t *testing.T) {
	h := newHouse(t)
	file := h.upload("large.png", 2700, 150)
	seg := h.submit(author, fields{"media": []map[string]string{file}})
	variant := func(p palinsesto.Part) []palinsesto.Variant {
		return []palinsesto.Variant{{Channel: "telegram-marche", Network: "x", Hash: "lies", Parts: []palinsesto.Part{p}}}
	}
	r, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1, Variants: variant(palinsesto.Part{
		Text: " Perche\u0301 venire\u200b ", Media: []palinsesto.Media{{Hash: file["id"], Alt: "Un'altra descrizione della sala", MIME: "text/html", Bytes: 1}},
	})})
	require.NoError(t, err)
	requireBound(t, r.Segnalazione.Approval)
	edits := r.Segnalazione.Approval.Edits
	require.Len(t, edits, 1, "the log says that the words are the approver's")
	require.Equal(t, "telegram-marche", edits[0].Channel)
	require.Contains(t, edits[0].What, palinsesto.EditedText)
	require.NotEmpty(t, edits[0].DefaultHash)
	require.NotEqual(t, edits[0].DefaultHash, r.Segnalazione.Approval.Variants[0].Hash)
	v := r.Segnalazione.Approval.Variants[0]
	require.Equal(t, "telegram", v.Network)
	require.Equal(t, "Perch\u00e9 venire", v.Parts[0].Text)
	m := v.Parts[0].Media[0]
	require.Equal(t, "Un'altra descrizione della sala", m.Alt)
	require.Equal(t, "image/png", m.MIME, "nothing but the words is taken from the command")

	// The composer shows what was made for the network: it may be named by its own hash.
	rev, err := h.revise(palinsesto.Revise{Command: by(collega), SegnalazioneID: seg.ID, Version: 2, Document: event(fields{"media": []map[string]string{file}})})
	require.NoError(t, err)
	again, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: rev.Segnalazione.Version, Variants: variant(palinsesto.Part{
		Text: "Testo in grassetto", Spans: []palinsesto.Span{{Kind: "bold", Offset: 9, Length: 9}}, Media: []palinsesto.Media{{Hash: m.Hash}},
	})})
	require.NoError(t, err)
	require.Equal(t, m.Hash, again.Segnalazione.Approval.Variants[0].Parts[0].Media[0].Hash)
	require.Equal(t, file["alt"], again.Segnalazione.Approval.Variants[0].Parts[0].Media[0].Alt)
}

// Two channels may describe the same picture in different words.
func TestApproveKeepsEachAlternativeText(t *testing.T) {
	h := newHouse(t)
	file := h.upload("large.png", 2700, 150)
	seg := h.submit(author, fields{"wanted_channels": []string{"telegram"}, "media": []map[string]string{file}})
	r, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1, Variants: []palinsesto.Variant{
		{Channel: "telegram-altro", Parts: []palinsesto.Part{{Text: "x", Media: []palinsesto.Media{{Hash: file["id"], Alt: "Persone in attesa del colloquio"}}}}},
	}})
	require.NoError(t, err)
	first, _ := r.Segnalazione.Variant("telegram-marche")
	other, _ := r.Segnalazione.Variant("telegram-altro")
	require.Equal(t, first.Parts[0].Media[0].Hash, other.Parts[0].Media[0].Hash)
	require.Equal(t, file["alt"], first.Parts[0].Media[0].Alt)
	require.Equal(t, "Persone in attesa del colloquio", other.Parts[0].Media[0].Alt)
}

func TestApproveRefuses(t *testing.T) {
	h := newHouse(t)
	file := h.upload("a.png", 30, 30)
	ribbon := h.upload("ribbon.png", 2100, 20)
	seg := h.submit(author, fields{"wanted_channels": []string{"telegram"}, "media": []map[string]string{file}})
	thin := h.submit(author, fields{"media": []map[string]string{ribbon}})
	mine := h.submit(editor, nil)
	revised := h.submit(author, nil)
	_, err := h.revise(palinsesto.Revise{Command: by(editor), SegnalazioneID: revised.ID, Version: 1, Document: event(nil)})
	require.NoError(t, err)
	r, err := h.revise(palinsesto.Revise{Command: by(collega), SegnalazioneID: revised.ID, Version: 2, Document: event(nil)})
	require.NoError(t, err)
	require.EqualValues(t, 3, r.Segnalazione.Version)
	rejected := h.submit(author, nil)
	_, err = h.decide("reject", palinsesto.Decide{Command: by(editor), SegnalazioneID: rejected.ID, Version: 1, Reason: "No"})
	require.NoError(t, err)

	one := func(channel string, parts ...palinsesto.Part) []palinsesto.Variant {
		return []palinsesto.Variant{{Channel: channel, Parts: parts}}
	}
	text := palinsesto.Part{Text: "Testo"}
	for name, c := range map[string]struct {
		cmd   palinsesto.Approve
		code  palinsesto.Code
		found map[string]string // field -> code
	}{
		"no such id":        {cmd: palinsesto.Approve{Command: by(editor), SegnalazioneID: uuid.NewString(), Version: 1}, code: palinsesto.CodeNotFound},
		"no id":             {cmd: palinsesto.Approve{Command: by(editor), SegnalazioneID: ">", Version: 1}, code: palinsesto.CodeNotFound},
		"another centre's":  {cmd: palinsesto.Approve{Command: by(stranger), Version: 1}, code: palinsesto.CodeNotFound},
		"a referente":       {cmd: palinsesto.Approve{Command: by(collega), Version: 1}, code: palinsesto.CodeForbidden},
		"an operator":       {cmd: palinsesto.Approve{Command: by(operator), Version: 1}, code: palinsesto.CodeForbidden},
		"nobody":            {cmd: palinsesto.Approve{Command: by(palinsesto.Actor{Role: palinsesto.RoleRedattore}), Version: 1}, code: palinsesto.CodeNotFound},
		"its author":        {cmd: palinsesto.Approve{Command: by(editor), SegnalazioneID: mine.ID, Version: 1}, code: palinsesto.CodeForbidden},
		"an early reviser":  {cmd: palinsesto.Approve{Command: by(editor), SegnalazioneID: revised.ID, Version: 3}, code: palinsesto.CodeForbidden},
		"no version":        {cmd: palinsesto.Approve{Command: by(editor)}, code: palinsesto.CodeInvalid, found: map[string]string{"version": "V-CAMPO"}},
		"a newer version":   {cmd: palinsesto.Approve{Command: by(editor), Version: 2}, code: palinsesto.CodeStale},
		"an older version":  {cmd: palinsesto.Approve{Command: by(second), SegnalazioneID: revised.ID, Version: 2}, code: palinsesto.CodeStale},
		"what was rejected": {cmd: palinsesto.Approve{Command: by(second), SegnalazioneID: rejected.ID, Version: 2}, code: palinsesto.CodeConflict},
		"a past moment": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Due: start.Add(-2 * time.Minute)}, code: palinsesto.CodeInvalid,
			found: map[string]string{"at": "V-CAMPO"}},
		"after the expiry": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Due: start.AddDate(0, 1, 0)}, code: palinsesto.CodeInvalid,
			found: map[string]string{"at": "V-SCADENZA"}},
		"an endless reason": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Reason: strings.Repeat("x", 5000)}, code: palinsesto.CodeInvalid,
			found: map[string]string{"reason": "V-CAMPO"}},
		"an unknown channel": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Variants: one("telegram-atlantide", text)}, code: palinsesto.CodeInvalid,
			found: map[string]string{"variants[telegram-atlantide]": "V-CANALE"}},
		"a channel not asked for": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Variants: one("instagram-marche", text)}, code: palinsesto.CodeInvalid,
			found: map[string]string{"variants[instagram-marche]": "V-CANALE"}},
		"two for one channel": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Variants: append(one("telegram-marche", text), one("telegram-marche", text)...)},
			code: palinsesto.CodeInvalid, found: map[string]string{"variants[telegram-marche]": "V-CAMPO"}},
		"no parts": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Variants: one("telegram-marche")}, code: palinsesto.CodeInvalid,
			found: map[string]string{"variants[telegram-marche].parts": "V-CAMPO"}},
		"too many parts": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Variants: one("telegram-marche", make([]palinsesto.Part, 11)...)}, code: palinsesto.CodeInvalid},
		"too long and strange": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Variants: append(
			one("telegram-marche", palinsesto.Part{Text: strings.Repeat("x", 5000)}),
			one("telegram-altro", palinsesto.Part{Text: "x", Media: []palinsesto.Media{{Hash: file["id"]}, {Hash: strings.Repeat("0", 64)}, {}}})...)},
			code: palinsesto.CodeInvalid, found: map[string]string{
				"variants[telegram-marche].parts[0].text": "L-TESTO", "variants[telegram-altro].parts[0].media[1]": "V-MEDIA", "variants[telegram-altro].parts[0].media[2]": "V-MEDIA",
			}},
		"an alt that says nothing": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Variants: one("telegram-marche",
			palinsesto.Part{Text: "x", Media: []palinsesto.Media{{Hash: file["id"], Alt: "foto"}}})}, code: palinsesto.CodeInvalid,
			found: map[string]string{"variants[telegram-marche].parts[0].media[0].alt": "A-ALT"}},
		"formatting on untidy text": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Variants: one("telegram-marche",
			palinsesto.Part{Text: "un\u200bdue", Spans: []palinsesto.Span{{Kind: "bold", Length: 2}}})}, code: palinsesto.CodeInvalid,
			found: map[string]string{"variants[telegram-marche].parts[0].text": "V-SPAN"}},
		"formatting past the text": {cmd: palinsesto.Approve{Command: by(editor), Version: 1, Variants: one("telegram-marche",
			palinsesto.Part{Text: "uno", Spans: []palinsesto.Span{{Kind: "bold", Length: 200}}})}, code: palinsesto.CodeInvalid,
			found: map[string]string{"variants[telegram-marche].parts[0].spans[0]": "V-SPAN"}},
		"an image that cannot be made ready": {cmd: palinsesto.Approve{Command: by(editor), SegnalazioneID: thin.ID, Version: 1}, code: palinsesto.CodeInvalid,
			found: map[string]string{"variants[telegram-marche].parts[0].media[0]": "V-MEDIA"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.cmd.SegnalazioneID == "" {
				c.cmd.SegnalazioneID = seg.ID
			}
			before := h.last()
			_, err := h.approve(c.cmd)
			require.Equal(t, c.code, palinsesto.CodeOf(err), "%v", err)
			if c.found != nil {
				require.Equal(t, c.found, problemsOf(t, err), "%v", err)
			}
			require.Equal(t, before, h.last(), "nothing may be written")
		})
	}
	_, err = h.bus.Request(context.Background(), "approval", "approve", []byte{0xff, 0xff})
	require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err))
	h.pass(40 * 24 * time.Hour)
	_, err = h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1})
	require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err), "expired")
}

// An office of one person may approve what it wrote if the configuration says so; then the log says so too.
func TestApproveOwn(t *testing.T) {
	h := newHouse(t)
	seg := h.submit(editor, fields{"centre": "jesi"})
	r, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1})
	require.NoError(t, err)
	require.True(t, r.Segnalazione.Approval.SelfMade)
	seg = h.submit(stranger, fields{"centre": "jesi"})
	r, err = h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1})
	require.NoError(t, err)
	require.False(t, r.Segnalazione.Approval.SelfMade)
}

// A segnalazione for networks that have no channel here yet can be approved: it goes out nowhere.
func TestApproveWithoutChannels(t *testing.T) {
	h := newHouse(t)
	seg := h.submit(author, fields{"wanted_channels": []string{"facebook"}})
	require.Empty(t, seg.Channels)
	r, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1, Due: start.Add(time.Hour)})
	require.NoError(t, err)
	require.Empty(t, r.Segnalazione.Approval.Variants)
	requireBound(t, r.Segnalazione.Approval)
	last := r.Segnalazione.Marks[len(r.Segnalazione.Marks)-1]
	require.Equal(t, "V-RETE-ASSENTE", last.Code)
	require.Contains(t, last.Text, "da nessuna parte")
}

// A channel that was taken out of the configuration since is told for what it is: the text goes out on
// the others only.
func TestApproveWithoutOneOfTheChannels(t *testing.T) {
	h := newHouse(t)
	seg := h.submit(author, nil)
	was := h.history(seg)[0]
	seg.Channels = append(seg.Channels, "telegram-chiuso", "telegram-altrove")
	_, err := bus.Put(context.Background(), h.bus, contract.Segnalazioni, was, string(palinsesto.SegWasRevised), contract.Envelope{}, seg)
	require.NoError(t, err)
	r, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1})
	require.NoError(t, err)
	require.Equal(t, []string{"telegram-marche"}, r.Segnalazione.Ever)
	var told []string
	for _, m := range r.Segnalazione.Marks {
		if m.Code == "V-CANALE" {
			require.Equal(t, palinsesto.LevelMark, m.Level)
			told = append(told, m.Text)
		}
	}
	require.Len(t, told, 2)
	require.Contains(t, told[0], "telegram-chiuso")
}

func TestApproveClash(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	taken := start.Add(time.Hour)
	was := contract.Event[palinsesto.Channel]{Subject: contract.ChannelSubject("telegram-marche")}
	_, err := bus.Put(ctx, h.bus, contract.Channels, was, palinsesto.ChannelWasBudget, contract.Envelope{},
		palinsesto.Channel{ID: "telegram-marche", Reserved: []palinsesto.Reservation{{Post: "other", At: taken}}})
	require.NoError(t, err)
	seg := h.submit(author, fields{"wanted_channels": []string{"telegram"}})
	try := func(due time.Time, bend bool) error {
		_, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1, Due: due, Bend: bend})
		return err
	}
	err = try(taken.Add(4*time.Minute), false)
	require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err))
	require.Equal(t, map[string]string{"at": "V-DISTANZA"}, problemsOf(t, err))
	require.Contains(t, err.Error(), "13:00:00 del 22/11/2026", "the moment that is taken, in the office's zone")
	require.Contains(t, err.Error(), "13:10:00 del 22/11/2026", "the next free one")
	require.NoError(t, try(taken.Add(4*time.Minute), true), "it may be moved")

	seg = h.submit(author, fields{"wanted_channels": []string{"telegram-altro"}})
	require.NoError(t, try(taken, false), "a channel without spacing")
	seg = h.submit(author, nil)
	require.NoError(t, try(taken.Add(10*time.Minute), false), "just far enough")
	seg = h.submit(author, nil)
	require.NoError(t, try(time.Time{}, false), "whenever there is room")
}

// A repeat after a lost answer gets the answer of then, whatever happened since.
func TestApproveSameCommandAgain(t *testing.T) {
	h := newHouse(t)
	seg := h.submit(author, nil)
	cmd := palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1, Due: start.Add(time.Minute)}
	first, err := h.approve(cmd)
	require.NoError(t, err)
	check := func() {
		t.Helper()
		again, err := h.approve(cmd)
		require.NoError(t, err)
		require.False(t, again.Created)
		require.Equal(t, first.Seq, again.Seq)
		require.Equal(t, first.Segnalazione, again.Segnalazione)
	}
	check()
	_, err = h.decide("comment", palinsesto.Decide{Command: by(author), SegnalazioneID: seg.ID, Reason: "Grazie"})
	require.NoError(t, err)
	check()
	h.pass(60 * 24 * time.Hour)
	check()
	_, err = h.decide("withdraw", palinsesto.Decide{Command: by(author), SegnalazioneID: seg.ID, Reason: "Annullato"})
	require.NoError(t, err)
	check()
	require.Len(t, h.history(seg), 4)
	cmd.Actor = second
	_, err = h.approve(cmd)
	require.Equal(t, palinsesto.CodeStale, palinsesto.CodeOf(err), "the id of somebody else's command is no repeat")
}

// Of two who approve at once one wins, the other is told that the page is old.
func TestApproveAtOnce(t *testing.T) {
	h := newHouse(t)
	h.another() // two copies of the room share the commands
	for range 5 {
		seg := h.submit(author, nil)
		errs := make([]error, 6)
		var wg sync.WaitGroup
		for i := range errs {
			who := []palinsesto.Actor{editor, second}[i%2]
			wg.Go(func() {
				_, errs[i] = h.approve(palinsesto.Approve{Command: by(who), SegnalazioneID: seg.ID, Version: 1})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			require.Contains(t, []palinsesto.Code{palinsesto.CodeStale, palinsesto.CodeConflict}, palinsesto.CodeOf(err), "%v", err)
		}
		require.Equal(t, 1, won)
		require.Len(t, h.history(seg), 2)
	}
}

// Without the media room nothing that has images is approved: they must exist before the yes.
func TestApproveWithoutTheMediaRoom(t *testing.T) {
	h := bare(t)
	m := palinsesto.Media{Hash: strings.Repeat("a", 64), Kind: "image", MIME: "image/png", Bytes: 3, Width: 30, Height: 30}
	require.NoError(t, h.bus.PutMedia(context.Background(), m, []byte("png")))
	require.NoError(t, h.bus.Bring(context.Background(), m.Hash, author.Centre))
	seg := h.submit(author, fields{"media": []map[string]string{{"id": m.Hash, "filename": "a.png", "alt": "Una sala con molte persone"}}})
	before := h.last()
	_, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1})
	require.Equal(t, palinsesto.CodeBusy, palinsesto.CodeOf(err))
	require.Equal(t, before, h.last())
	seg = h.submit(author, nil)
	_, err = h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1})
	require.NoError(t, err, "text alone needs no media room")
}
