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
	Mastodon  Unit = "mastodon"  // grapheme clusters, but 23 for every address, and @user for @user@domain
	Little    Unit = "little"    // LinkedIn's "little text": UTF-16 units, reserved characters with their backslash
)

// Limits is what a network takes in one publishing request.
type Limits struct {
	Unit       Unit
	Text       int    // longest text without media, in Unit
	Caption    int    // longest text with media, in Unit
	TextBytes  int    // longest text in UTF-8 bytes, where the network has a second limit; 0: none
	Spans      int    // most formatted stretches
	Hashtags   int    // most hashtags in a text; 0: no limit
	Forbidden  string // characters that a text may not have
	Album      int    // most media in one request
	VideoAlone bool   // a video shares its request with no other image or video
	NeedsAny   bool   // a post without media is refused
	NeedsVideo bool   // a post without a video is refused; images are not taken
	Captions   bool   // takes a file of captions beside a video
	Alt        bool   // the network has a place for alternative texts
	AltRunes   int    // longest alternative text, in code points; 0: no limit
	Image      ImageLimits
	VideoBytes int64
}

// ImageLimits is what an image must be.
type ImageLimits struct {
	MaxBytes int64
	MaxSum   int     // width + height, pixels; 0: no limit
	MaxRatio float64 // longer side to shorter; 0: no limit
	MaxTall  float64 // height to width, where it differs from MaxRatio; 0: no limit
	MaxSide  int     // pixels; larger ones are scaled down
	JPEG     bool    // JPEG only
}
