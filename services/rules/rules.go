// SPDX-License-Identifier: AGPL-3.0-or-later

// Package rules says what a segnalazione must be and how it is rendered for a network. It is a pure
// leaf: it reads documents and the World it is given, and reaches no log, index or configuration, so
// that intake, the composer and a program outside may hold to the same rules.
//
// The codes are those of the newsroom's list (V-*, A-ALT, U-*, L-*). What the words say about people
// (D-*, P-*) and style (C-*, other A-*) is judged elsewhere: nothing is refused for it here.
package rules

import (
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// The codes of what this package finds; those of a network's limits are in package network.
const (
	codeJSON         = "V-JSON"   // no readable document
	codeType         = "V-TIPO"   // a value of the wrong type
	codeField        = "V-CAMPO"  // a field that is missing, unknown, twice there or too long
	codeCentre       = "V-CENTRE" // unknown centre
	codeKind         = "V-KIND"   // unknown kind
	codeChannel      = "V-CANALE" // unknown channel or network
	codeAbsent       = "V-RETE-ASSENTE"
	codeNoExpiry     = "V-NOSCAD"
	codeNoPlace      = "V-LUOGO"
	codeEnd          = "V-FINE"
	codeExpired      = "V-SCADUTA"
	codeExpiry       = "V-SCADENZA"
	codeOffset       = "V-OFFSET"
	codeLate         = "V-TARDI"
	codeURL          = "V-URL"
	codeHTTP         = "V-HTTP"
	codeLongURL      = "V-URLLUNGA"
	codeLookalike    = "V-OMOGRAFO"
	codeTracking     = "V-UTM"
	codeHTML         = "V-HTML"
	codeEmail        = "V-EMAIL"
	codeTag          = "V-TAG"
	codeMedia        = "V-MEDIA"
	codeVideo        = "V-YTVIDEO"
	codeImageOrVideo = "V-IGMEDIA"
	codeAlt          = "A-ALT"
	codeNFC          = "U-NFD"
	codeInvisible    = "U-ZW"
)

// World is what the rules must know of the house and of the moment.
type World struct {
	Now      time.Time
	Location *time.Location // the organisation's zone
	Centre   func(id string) bool
	// Channels resolves what was asked for: the id of a channel or the name of a network.
	Channels func(centre, wanted string) (ids []string, knownNetwork, knownChannel bool)
	// Network names the network of a channel; nil: only networks asked for by name are measured.
	Network func(channel string) string
	Media   func(hash string) (palinsesto.Media, bool)
	MinLead time.Duration // below it a segnalazione is marked late; 0: DefaultLead
}

// DefaultLead is how long before its moment a segnalazione should come in.
const DefaultLead = 48 * time.Hour

// findings gathers problems.
type findings struct{ list []palinsesto.Problem }

func (f *findings) add(level palinsesto.Level, code, field, it, en string) {
	f.list = append(f.list, palinsesto.Problem{Code: code, Level: level, Field: field, Text: it, TextEN: en})
}

func (f *findings) refuse(code, field, it, en string) {
	f.add(palinsesto.LevelError, code, field, it, en)
}
func (f *findings) mark(code, field, it, en string) { f.add(palinsesto.LevelMark, code, field, it, en) }
func (f *findings) fix(code, field, it, en string)  { f.add(palinsesto.LevelFix, code, field, it, en) }
func (f *findings) note(code, field, it, en string) { f.add(palinsesto.LevelNote, code, field, it, en) }

// Refused tells whether any of the problems is an error.
func Refused(ps []palinsesto.Problem) bool {
	for _, p := range ps {
		if p.Level == palinsesto.LevelError {
			return true
		}
	}
	return false
}
