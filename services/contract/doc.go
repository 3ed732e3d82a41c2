// SPDX-License-Identifier: AGPL-3.0-or-later

// Package contract is what the rooms agree on: the subjects of the log and of the commands, and the
// bytes of every event, command and reply. It is the only reader of the generated package pb; rooms
// see domain values. proto/README.md has the table of who writes and who reads what.
//
// Encode refuses with a palinsesto.Error what is too large (CodeTooLarge) or cannot be written at all
// (CodeInvalid: broken UTF-8 in a name, a year past 9999). Decode never panics, whatever the bytes,
// and wraps ErrMalformed: such a message will not get better by being delivered again.
//
// An empty list is decoded as nil. Instants are decoded in UTC; the times of a Content keep the
// offset that was written. The texts of a decoded post share one memory, but for its ID, Segnalazione
// and Channel: clone any other that is kept for long.
package contract
