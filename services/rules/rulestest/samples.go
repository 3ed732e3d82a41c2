// SPDX-License-Identifier: AGPL-3.0-or-later

// Package rulestest tells what the rules make of the 25 sample segnalazioni, line by line and why, so
// that the tests of the rules and those of the whole house hold to one table.
package rulestest

import "time"

// Now is the moment at which the samples were written: what is late or expired is so from here.
var Now = time.Date(2026, time.November, 22, 11, 0, 0, 0, time.UTC)

// Expectation is what becomes of one line of the samples.
type Expectation struct {
	Line      int
	Accepted  bool
	Codes     []string // all that is found, each once, in order of the alphabet; without V-RETE-ASSENTE
	SimilarTo int      // line of an earlier one of the same centre; 0: none
	Why       string
}

// NotTaken are the files of the samples that the house cannot take: their upload is refused, so a
// document can only name them without an id.
var NotTaken = []string{"openday.bmp", "jobday.gif"}

// Samples is the table.
var Samples = []Expectation{
	{Line: 1, Accepted: true, Why: "clean offer"},
	{Line: 2, Accepted: true, Why: "clean offer"},
	{Line: 3, Accepted: true, Why: "pay is missing: style, not judged here"},
	{Line: 4, Accepted: true, SimilarTo: 3, Codes: []string{"V-UTM"}, Why: "same offer code as line 3: marked, not refused; utm_source goes out of the link"},
	{Line: 5, Codes: []string{"A-ALT"}, Why: "the image has no alternative text; discrimination is judged elsewhere"},
	{Line: 6, Accepted: true, Why: "a title in one gender: judged elsewhere"},
	{Line: 7, Codes: []string{"V-SCADUTA"}, Why: "applications closed a week ago"},
	{Line: 8, Accepted: true, Why: "L. 68/1999, correct"},
	{Line: 9, Accepted: true, Why: "health data and private contacts: judged elsewhere"},
	{Line: 10, Accepted: true, Why: "clean event; a deadline on a holiday is no fault"},
	{Line: 11, Accepted: true, Codes: []string{"L-TESTO"}, Why: "too long for Instagram alone: a mark"},
	{Line: 12, Codes: []string{"A-ALT", "V-YTVIDEO"}, Why: "alt is null; YouTube without a video"},
	{Line: 13, Codes: []string{"V-IGMEDIA", "V-TARDI"}, Why: "Instagram without media; 27 hours before it begins"},
	{Line: 14, Codes: []string{"A-ALT", "V-IGMEDIA", "V-MEDIA"}, Why: "the GIF is animated, so it is not taken and Instagram has nothing to show; the alternative text is the file's name; emoji stay whole, capitals and hashtags are style"},
	{Line: 15, Accepted: true, Why: "clean notice of two days"},
	{Line: 16, Accepted: true, Codes: []string{"V-URLLUNGA", "V-UTM"}, Why: "utm and session go out of the link, which stays long"},
	{Line: 17, Accepted: true, Why: "minors with names: judged elsewhere"},
	{Line: 18, Accepted: true, Why: "video with captions, which need no alternative text"},
	{Line: 19, Codes: []string{"V-OFFSET", "V-YTVIDEO"}, Why: "+02:00 in December, all three times; a live on YouTube has no video to upload: a mark"},
	{Line: 20, Accepted: true, Codes: []string{"V-HTML"}, Why: "tags and entities are text here, and marked"},
	{Line: 21, Accepted: true, Why: "Markdown is text here"},
	{Line: 22, Codes: []string{"U-NFD", "U-ZW", "V-URL"}, Why: "spaces in the link; accents composed, a zero-width space out"},
	{Line: 23, Accepted: true, Why: "window of art. 16 L. 56/1987"},
	{Line: 24, Codes: []string{"A-ALT", "V-CANALE", "V-EMAIL", "V-FINE", "V-HTTP", "V-LUOGO", "V-MEDIA", "V-SCADENZA", "V-TAG", "V-URL"},
		Why: "alt 'immagine', tiktok, e-mail without a domain, end and expiry before the start, no place, bmp, three bad tags, spaces in the link"},
	{Line: 25, Codes: []string{"V-NOSCAD"}, Why: "an offer without expiry; discrimination is judged elsewhere"},
}
