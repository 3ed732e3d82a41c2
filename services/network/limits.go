// SPDX-License-Identifier: AGPL-3.0-or-later

// Package network holds what each network takes: lengths and the unit in which the network counts
// them, media, rates. It is a leaf that every room may import, so that the composer's counter, the
// check before approval and the adapter follow one rule.
package network

// Unit is how a network counts the length of a text.
type Unit string

// The units.
const (
	UTF16     Unit = "utf16"     // UTF-16 code units
	Runes     Unit = "runes"     // Unicode code points
	Graphemes Unit = "graphemes" // extended grapheme clusters (UAX #29)
	Bytes     Unit = "bytes"     // UTF-8 bytes
	Weighted  Unit = "weighted"  // X's weighted count
)

// Limits is what a network takes in one publishing request.
type Limits struct {
	Unit       Unit
	Text       int  // longest text without media, in Unit
	Caption    int  // longest text with media, in Unit
	Spans      int  // most formatted stretches
	Album      int  // most media in one request
	NeedsAny   bool // a post without media is refused
	NeedsVideo bool // a post without a video is refused
	Alt        bool // the network has a place for alternative texts
	Image      ImageLimits
	VideoBytes int64
}

// ImageLimits is what an image must be.
type ImageLimits struct {
	MaxBytes int64
	MaxSum   int     // width + height, pixels; 0: no limit
	MaxRatio float64 // longer side to shorter; 0: no limit
	MaxSide  int     // pixels; larger ones are scaled down
	JPEG     bool    // JPEG only
}
