// SPDX-License-Identifier: AGPL-3.0-or-later

package network

// The networks, in the order in which a form offers them.
var names = []string{"telegram", "facebook", "instagram", "linkedin", "youtube", "x", "mastodon", "bluesky"}

// noSpans is for networks that take plain text: what is bold here is plain there, never refused.
const noSpans = 0

// table is each network's word. Where documentation and measurements differ, the smaller figure stands:
// a text that is refused by us can be shortened in time, one that is refused by the network is late.
var table = map[string]Limits{
	// https://core.telegram.org/bots/api#sendmessage, #sendphoto, #sendmediagroup: 1-4096 and 0-1024
	// characters "after entities parsing", album of 2-10, photo of 10 MB with width + height <= 10000 and
	// ratio <= 20, other uploads 50 MB. The unit is contested (code points were seen in 2026, clients
	// count UTF-16 units as entities do): UTF-16 is never the larger. Past 100 entities are dropped
	// (tdlib/telegram-bot-api#820). Photos are shown at 2560 pixels at most. No place for alt texts.
	"telegram": {
		Unit: UTF16, Text: 4096, Caption: 1024, Spans: 100, Album: 10,
		Image:      ImageLimits{MaxBytes: 10_000_000, MaxSum: 10_000, MaxRatio: 20, MaxSide: 2560},
		VideoBytes: 50_000_000,
	},
	// 63,206 characters is what third parties agree on; Meta documents none, nor the unit. Photo: 4 MB by
	// https://developers.facebook.com/docs/graph-api/reference/page/photos/; album: 10 is the safe cap.
	// Video: "2 GB max" by the error's subcode.
	"facebook": {
		Unit: UTF16, Text: 60_000, Caption: 60_000, Spans: noSpans, Album: 10, VideoAlone: true,
		Captions: true, Alt: true,
		Image:      ImageLimits{MaxBytes: 4_000_000, MaxSide: 2048},
		VideoBytes: 2_000_000_000,
	},
	// https://developers.facebook.com/docs/instagram-platform/content-publishing: caption of 2,200
	// characters and 30 hashtags, JPEG of 8 MiB, aspect 4:5 to 1.91:1, width up to 1440, carousel of 2-10,
	// reel of 300 MB. There is no post without media.
	"instagram": {
		Unit: Runes, Text: 2200, Caption: 2200, Spans: noSpans, Hashtags: 30, Album: 10, NeedsAny: true, Alt: true,
		Image:      ImageLimits{MaxBytes: 8 << 20, MaxRatio: 1.91, MaxTall: 1.25, MaxSide: 1440, JPEG: true},
		VideoBytes: 300_000_000,
	},
	// https://learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api: commentary of
	// 3,000 characters, escapes are part of the wire text; multiImage 2-20; image under 36,152,320 pixels;
	// altText of 4,086; one video of 500 MB, never with images.
	"linkedin": {
		Unit: Little, Text: 3000, Caption: 3000, Spans: noSpans, Album: 20, VideoAlone: true,
		Captions: true, Alt: true, AltRunes: 4086,
		Image:      ImageLimits{MaxBytes: 10_000_000, MaxSide: 4096},
		VideoBytes: 500_000_000,
	},
	// https://developers.google.com/youtube/v3/docs/videos: description of 5,000 bytes without < and >;
	// one video. 256 GB are allowed; what the house takes is far below.
	"youtube": {
		Unit: Bytes, Text: 5000, Caption: 5000, Spans: noSpans, Forbidden: "<>", Album: 1, VideoAlone: true,
		NeedsAny: true, NeedsVideo: true, Captions: true,
		VideoBytes: 256_000_000_000,
	},
	// https://developer.x.com/en/docs/counting-characters (280 weighted); up to 4 photos of 5 MB or one
	// video of 512 MB; alt text of 1,000.
	"x": {
		Unit: Weighted, Text: 280, Caption: 280, Spans: noSpans, Album: 4, VideoAlone: true, Alt: true, AltRunes: 1000,
		Image:      ImageLimits{MaxBytes: 5_000_000, MaxSide: 4096},
		VideoBytes: 512_000_000,
	},
	// The defaults of mastodon/mastodon; a server tells its own in GET /api/v2/instance, which the adapter
	// reads. Image 16 MiB and 33,177,600 pixels, video 99 MiB, alt 1,500, 4 images or 1 video.
	"mastodon": {
		Unit: Mastodon, Text: 500, Caption: 500, Spans: noSpans, Album: 4, VideoAlone: true, Alt: true, AltRunes: 1500,
		Image:      ImageLimits{MaxBytes: 16 << 20, MaxSide: 4096},
		VideoBytes: 99 << 20,
	},
	// Lexicons app.bsky.feed.post and app.bsky.embed.images: 300 graphemes and 3,000 bytes, 4 images of
	// 1,000,000 bytes (the older, safe limit); a PDS takes blobs of 50 MiB by default; alt text of 2,000
	// as in the app.
	"bluesky": {
		Unit: Graphemes, Text: 300, Caption: 300, TextBytes: 3000, Spans: noSpans, Album: 4, VideoAlone: true,
		Captions: true, Alt: true, AltRunes: 2000,
		Image:      ImageLimits{MaxBytes: 1_000_000, MaxSide: 2000},
		VideoBytes: 50 << 20,
	},
}

// For gives the limits of a network by its name.
func For(name string) (Limits, bool) {
	l, ok := table[name]
	return l, ok
}

// Names are the networks that the house knows, in the order in which a form offers them.
func Names() []string { return append([]string(nil), names...) }
