// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import "time"

// SettledBy is by what it became known what an uncertain attempt came to.
type SettledBy string

// The ways in which an attempt is settled.
const (
	SettledByPerson SettledBy = "person"      // somebody looked at the channel
	SettledByFound  SettledBy = "found"       // the network showed it when it was asked
	SettledByKey    SettledBy = "same_key"    // the network answered the same idempotency key
	SettledByLate   SettledBy = "late_answer" // the answer came after its worker had been given up
	SettledByNotes  SettledBy = "notes"       // noted outside the data that were put back
)

// Settlement is how an uncertain attempt was settled. Who did it and why stand in the event.
type Settlement struct {
	By       SettledBy
	At       time.Time
	Evidence string // the link that a person gave, or the network's answer: bounded and without secrets
}

// evidenceMost bounds what is kept of an answer: enough to recognise the message, and every later event of
// the post carries it.
const evidenceMost = 512

// Settle notes on a how it was settled; sentence is for people.
func (a *Attempt) Settle(by SettledBy, at time.Time, evidence, sentence string) {
	if len(evidence) > evidenceMost {
		evidence = evidence[:evidenceMost]
	}
	a.Settled, a.Settlement = sentence, &Settlement{By: by, At: at, Evidence: evidence}
}

// The kinds of a Check.
const (
	CheckFind   = "find"   // the network was asked what it shows
	CheckResend = "resend" // the same was sent again under the same key
)

// Check is one try of the house to find out what became of an uncertain attempt.
type Check struct {
	Number  int // from 1
	Kind    string
	Worker  string
	At      time.Time
	Lasts   time.Duration // from At until its call has surely ended
	Verdict string        // empty while open
	Detail  string        // for people: what was found, or why it could not be asked
}

// Resending tells whether an attempt may be on its way once more under its key.
func (p Post) Resending() bool {
	a := p.Attempt
	return a != nil && a.Check != nil && a.Check.Kind == CheckResend && a.Check.Verdict == ""
}

// OverAt is when surely no call of a is under way any more: neither its own nor one that was sent again,
// also of a worker that was given up after lease.
func (a Attempt) OverAt(lease time.Duration) time.Time {
	over := a.Intended.Add(a.Lasts + lease)
	if c := a.Check; c != nil && c.Kind == CheckResend {
		if again := c.At.Add(c.Lasts + lease); again.After(over) {
			return again
		}
	}
	return over
}

// Checked is p after a check that settled nothing, or with one that begins.
func (p Post) Checked(c Check) Post {
	a := *p.Attempt // not the one that others hold
	a.Check = &c
	p.Attempt = &a
	return p
}

// CauseOutdated marks a settled post that is not in line with its segnalazione: people see it, and
// scheduling's sweep brings it in line.
const CauseOutdated = "outdated"
