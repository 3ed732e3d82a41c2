// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// The samples are what the goldens in proto/golden hold. Every field of every message is set in one of
// them (TestGoldensLeaveNothingOut). Once released a sample is not changed: a field that is added
// later is set in a new one, beside "Post" a "Post_2".

const (
	sampleSeg   = "019aa5b1-5c00-7a3e-8f60-3c5d9a1b2e4f"
	samplePost  = "6d0c1b8e-9a55-8f7e-a1c4-55e20f3d7b90"
	sampleHash  = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	sampleTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

// rome is the zone of the offices in November; the contract keeps an offset, not a zone's name.
var rome = time.FixedZone("", 3600)

func at(minute int) time.Time {
	return time.Date(2026, 11, 23, 9, minute, 0, 123456789, time.UTC)
}

var (
	sampleActor = palinsesto.Actor{
		ID: "token:019aa5b0-0000-7000-8000-000000000001", Name: "Elena Conti", Role: palinsesto.RoleReferente, Centre: "ancona",
	}
	sampleEditor = palinsesto.Actor{
		ID: "token:019aa5b0-0000-7000-8000-000000000002", Name: "Redazione", Role: palinsesto.RoleRedattore,
	}
	sampleEnvelope = Envelope{
		Actor: sampleActor, At: at(0), CommandID: "019aa5b1-0000-7000-8000-00000000000a",
		Reason: "Corretta l’ora di inizio", Trace: sampleTrace,
	}
	sampleHead    = palinsesto.Command{ID: "019aa5b1-0000-7000-8000-00000000000a", Actor: sampleActor, Trace: sampleTrace}
	sampleProblem = palinsesto.Problem{
		Code: "V-URL", Level: palinsesto.LevelMark, Field: "link",
		Text: "L’indirizzo non comincia con https://.", TextEN: "The address does not begin with https://.",
	}
	sampleMedia = palinsesto.Media{
		Hash: sampleHash, Filename: "locandina.jpg", Alt: "Locandina del recruiting day: data, luogo e aziende presenti",
		Kind: "image", MIME: "image/jpeg", Bytes: 183_204, Width: 1200, Height: 630,
	}
	sampleSpan = palinsesto.Span{Kind: "link", Offset: 7, Length: 11, URL: "https://cpi.example/recruiting"}
	samplePart = palinsesto.Part{
		Text: "Perché recruiting day? 👩‍💼", Spans: []palinsesto.Span{{Kind: "bold", Length: 7}, sampleSpan},
		Media: []palinsesto.Media{sampleMedia}, Preview: true,
	}
	sampleVariant = palinsesto.Variant{
		Channel: "telegram-marche", Network: "telegram", Parts: []palinsesto.Part{samplePart}, Hash: sampleHash,
	}
	sampleApproval = palinsesto.Approval{
		By: sampleEditor, At: at(5), Hash: sampleHash, Due: at(30), Bend: true,
		Variants: []palinsesto.Variant{sampleVariant}, SelfMade: true,
	}
	sampleEdit = palinsesto.ApproverEdit{Channel: "telegram-marche", What: []string{palinsesto.EditedText, palinsesto.EditedAlt}, DefaultHash: sampleHash}
	// Written by the approver: added later, so that the first sample stays what it was.
	sampleEdited = palinsesto.Approval{
		By: sampleEditor, At: at(5), Hash: sampleHash, Due: at(30), Bend: true,
		Variants: []palinsesto.Variant{sampleVariant}, SelfMade: true, Edits: []palinsesto.ApproverEdit{sampleEdit},
	}
	sampleContent = palinsesto.Content{
		Kind: palinsesto.KindEvento, Title: "Recruiting day ad Ancona", Body: "Dieci aziende incontrano chi cerca lavoro.",
		StartsAt:  time.Date(2026, 11, 27, 9, 30, 0, 0, rome),
		EndsAt:    time.Date(2026, 11, 27, 12, 0, 0, 500_000_000, rome),
		ExpiresAt: time.Date(2026, 11, 27, 12, 0, 0, 0, time.FixedZone("", -(9*3600+30*60))),
		Place:     "Via Ruggeri 5, Ancona", Link: "https://cpi.example/recruiting", ContactEmail: "cpi.ancona@cpi.example",
		Tags: []string{"lavoro", "ancona"}, Media: []palinsesto.Media{sampleMedia}, WantedChannels: []string{"telegram", "facebook-marche"},
	}
	sampleSegnalazione = palinsesto.Segnalazione{
		ID: sampleSeg, Centre: "ancona", State: palinsesto.SegApproved, Version: 3, Content: sampleContent,
		Channels: []string{"telegram-marche"}, Marks: []palinsesto.Problem{sampleProblem},
		Similar: []string{"019aa5b1-5c00-7a3e-8f60-000000000000"}, ContentHash: sampleHash, Author: sampleActor,
		SubmittedAt: at(1), Revisers: []string{sampleActor.ID}, Reason: "Manca il luogo",
		Approval: &sampleApproval, Ever: []string{"telegram-marche"},
	}
	samplePartState = palinsesto.PartState{Posted: true, RemoteIDs: []string{"4711", "4712"}, Link: "https://t.me/cpimarche/4711"}
	sampleAttempt   = palinsesto.Attempt{
		Number: 2, Part: 1, Key: sampleHash, Hash: sampleHash, Worker: "publishing-1/8f3a", Intended: at(30),
		Lasts: 35 * time.Second, Verdict: "posted", Status: 200, Took: 184*time.Millisecond + 7, Raw: `{"ok":true}`,
		Settled: "testimone: messaggio 4711",
	}
	sampleChange = palinsesto.Change{
		Kind: "edit", Hash: sampleHash, By: sampleEditor, Reason: "Cambiata la sala", Tries: 1,
		Problem: "Il messaggio è più vecchio di 48 ore: correggerlo a mano.", Cause: "too_old",
	}
	samplePostState = palinsesto.Post{
		ID: samplePost, Segnalazione: sampleSeg, Centre: "ancona", Channel: "telegram-marche", Network: "telegram",
		Kind: palinsesto.KindEvento, Title: "Recruiting day ad Ancona", Occurrence: 1, State: palinsesto.PostPosted,
		Approved: 3, Hash: sampleHash, Due: at(30), FirstDue: at(29), Bend: true, Expires: at(59),
		Parts: []palinsesto.PartState{samplePartState, {}}, Attempt: &sampleAttempt, Attempts: 2, Retries: 1,
		Cause: "change_failed", Problem: "La modifica non è riuscita.", Hold: "019aa5b1-0000-7000-8000-00000000000b",
		Link: "https://t.me/cpimarche/4711", PostedAt: at(31), Change: &sampleChange,
	}
	sampleReservation = palinsesto.Reservation{Post: samplePost, At: at(30)}
	sampleChannel     = palinsesto.Channel{
		ID: "telegram-marche", State: palinsesto.ChannelNeedsReconnect, Reason: "Il token è stato revocato.",
		NotBefore: at(40), Reserved: []palinsesto.Reservation{sampleReservation},
	}
	sampleSettlement = palinsesto.Settlement{By: palinsesto.SettledByFound, At: at(33), Evidence: `{"id":"4711"}`}
	sampleCheck      = palinsesto.Check{
		Number: 2, Kind: palinsesto.CheckResend, Worker: "publishing-2/11ab", At: at(32), Lasts: 35 * time.Second, Verdict: "unknown",
		Detail: "Nessuna risposta entro il tempo previsto.",
	}
	sampleSettled     = settledAttempt()
	sampleSettledPost = palinsesto.Post{
		ID: samplePost, Segnalazione: sampleSeg, Centre: "ancona", Channel: "telegram-marche", Network: "telegram", State: palinsesto.PostPosted,
		Hash: sampleHash, Due: at(30), Parts: []palinsesto.PartState{samplePartState}, Attempt: &sampleSettled, Attempts: 2,
	}
	sampleTest = palinsesto.ChannelTest{
		ID: sampleHead.ID, By: sampleEditor, At: at(41), Run: "publishing-1/8f3a-7", Lasts: 35 * time.Second, Verdict: "posted", Cause: "telegram.gone",
		Problem: "Il messaggio di prova va tolto a mano.", RemoteIDs: []string{"4713"}, Link: "https://t.me/cpimarche/4713", Took: 210 * time.Millisecond,
		Afterwards: palinsesto.TestLeft,
	}
	sampleSecondTest = palinsesto.ChannelTest{ID: samplePost, By: sampleEditor, At: at(42), Run: "b"}.Follow(&sampleTest)
	sampleTested     = palinsesto.Channel{ID: "telegram-marche", State: palinsesto.ChannelConnected, NotBefore: at(40), Test: &sampleTest}
	sampleHold       = palinsesto.Hold{
		ID: "019aa5b1-0000-7000-8000-00000000000b", Scope: palinsesto.ScopeTag, Value: "ancona",
		Reason: "Lutto cittadino", By: sampleEditor, At: at(10),
	}
	sampleToken = palinsesto.Token{
		ID: "019aa5b0-0000-7000-8000-000000000001", Name: "Elena Conti", Role: palinsesto.RoleReferente, Centre: "ancona",
		Hash: sampleHash, Made: at(0), MadeBy: palinsesto.Actor{ID: "token:1", Name: "Amministrazione", Role: palinsesto.RoleAdmin},
		Revoked: at(50),
	}
	sampleAlertWay = palinsesto.AlertWay{Way: "mail", Told: 2, Worker: "redazione-1"}
	sampleAlert    = palinsesto.Alert{
		ID: palinsesto.AlertID(palinsesto.AlertFailed, "telegram-marche", "content"), Kind: palinsesto.AlertFailed,
		Scope: "telegram-marche", Cause: "content", State: palinsesto.AlertOver, Count: 12, Examples: []string{samplePost},
		Detail: "Il testo è troppo lungo.", Raised: at(10), Over: at(50), Message: 3, Decided: at(50),
		Ways: []palinsesto.AlertWay{sampleAlertWay},
	}
	sampleFilter = palinsesto.PostFilter{
		State: palinsesto.PostFailed, Channel: "telegram-marche", Centre: "ancona", Cause: "content", Segnalazione: sampleSeg,
	}
	sampleRequeued = palinsesto.Requeued{
		Post: samplePost, Channel: "telegram-marche", Due: at(45), Refused: "La segnalazione è scaduta.",
	}
	sampleRefusal = palinsesto.Error{
		Code: palinsesto.CodeInvalid, Text: "La segnalazione ha un errore.", TextEN: "The segnalazione has one error.",
		Problems: []palinsesto.Problem{sampleProblem},
	}
)

func settledAttempt() palinsesto.Attempt {
	a := sampleAttempt
	a.Settlement, a.Check = &sampleSettlement, &sampleCheck
	return a
}
