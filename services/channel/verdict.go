// SPDX-License-Identifier: AGPL-3.0-or-later

package channel

import (
	"errors"
	"fmt"
	"time"
)

// Verdict is what an attempt came to.
type Verdict string

// The verdicts. Only NotSent and RetryAfter prove that nothing was published and may be tried again
// by the house.
const (
	Posted     Verdict = "posted"
	NotSent    Verdict = "not_sent"    // no byte of the request left
	RetryAfter Verdict = "retry_after" // refused for its rate, with a time to wait
	Permanent  Verdict = "permanent"   // the content or the target was refused for good
	Reconnect  Verdict = "reconnect"   // authentication or permission: it is the channel that needs a hand
	Unknown    Verdict = "unknown"     // it may be out
)

// Error is a call that did not end in a receipt.
type Error struct {
	Verdict Verdict
	After   time.Duration // RetryAfter: how long to wait
	Status  int           // HTTP status, 0 without an answer
	Cause   string        // short code to group by, such as telegram.chat_not_found
	Text    string        // for people, in Italian: what happened, what it means, what to do
	Raw     string        // the network's answer, bounded and without secrets
	Err     error         // for errors.Is; its text may hold secrets and is never shown
}

// Error tells verdict and cause, never the text of the wrapped error: it may carry a token.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (%s, HTTP %d)", e.Verdict, e.Cause, e.Status)
}

// Unwrap gives the error below.
func (e *Error) Unwrap() error { return e.Err }

// Judge is the Error of err: an error that no adapter has classified may have published.
func Judge(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Verdict: Unknown, Cause: "unclassified", Err: err,
		Text: "L'esito è incerto: la risposta della rete non è arrivata o non si capisce. Controllare sul canale se il post c'è."}
}
