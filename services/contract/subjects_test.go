// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSubjects(t *testing.T) {
	for s, want := range map[string]Address{
		SegSubject("ancona", sampleSeg):                 {"seg", "ancona", sampleSeg},
		PostSubject("telegram-marche", samplePost):      {"post", "telegram-marche", samplePost},
		"palinsesto.plan.telegram-marche.2026-12":       {"plan", "telegram-marche", "2026-12"},
		ChannelSubject("telegram-marche"):               {"channel", "", "telegram-marche"},
		HoldSubject:                                     {"hold", "", ""},
		TokenSubject(sampleSeg):                         {"token", "", sampleSeg},
		AlertSubject(sampleSeg):                         {"alert", "", sampleSeg},
		"palinsesto.person." + sampleSeg:                {"person", "", sampleSeg},
		"palinsesto.campaign." + sampleSeg:              {"campaign", "", sampleSeg},
		"palinsesto.settings.slots":                     {"settings", "", "slots"},
		"palinsesto.channel." + strings.Repeat("c", 40): {"channel", "", strings.Repeat("c", 40)},
	} {
		got, err := ParseSubject(s)
		require.NoError(t, err, s)
		require.Equal(t, want, got)
		require.True(t, inStream(s), "%s is not stored", s)
	}
}

func TestParseSubjectRefuses(t *testing.T) {
	for _, s := range []string{
		"", "palinsesto", "palinsesto.", "PALINSESTO.hold", "palinsesto.hold.", "palinsesto.hold.x", " palinsesto.hold",
		AllSegs, AllPosts, "palinsesto.>", AnySeg(sampleSeg), PostsOf("telegram-marche"),
		CommandSubject("intake", "submit"), Announcement(HoldSubject, "placed"),
		"palinsesto.seg.ancona", "palinsesto.seg.ancona.", "palinsesto.seg.ancona.7", "palinsesto.seg.Ancona." + sampleSeg,
		"palinsesto.seg.ancona." + strings.ToUpper(sampleSeg), "palinsesto.seg.ancona." + sampleSeg + ".x",
		"palinsesto.seg.." + sampleSeg, "palinsesto.post." + strings.Repeat("c", 41) + "." + samplePost,
		"palinsesto.plan.telegram-marche.2026-13", "palinsesto.plan.telegram-marche.2026-1",
		"palinsesto.channel.", "palinsesto.channel.a.b", "palinsesto.channel.tele gram", "palinsesto.token.x",
		"palinsesto.unknown.x", "palinsesto.seg.ancona." + sampleSeg + "\n", strings.Repeat("palinsesto.", 1000),
	} {
		_, err := ParseSubject(s)
		require.ErrorIs(t, err, ErrSubject, "%q", s)
	}
}

// TestNamesCannotWidenASubject: an id that a command brought reads one aggregate or none.
func TestNamesCannotWidenASubject(t *testing.T) {
	for _, bad := range []string{"", "*", ">", "a.b", "a b", "x\r\nPUB y", strings.Repeat("x", 65)} {
		require.Equal(t, "palinsesto.post.*._", AnyPost(bad))
		require.Equal(t, "palinsesto.seg._._", SegSubject(bad, bad))
		require.Equal(t, "palinsesto.post._.*", PostsOf(bad))
	}
}

func TestAnnouncement(t *testing.T) {
	for subject, want := range map[string]string{
		PostSubject("telegram-marche", samplePost): "palinsesto.event.post.failed.telegram-marche." + samplePost,
		ChannelSubject("telegram-marche"):          "palinsesto.event.channel.failed.telegram-marche",
		HoldSubject:                                "palinsesto.event.hold.failed",
		"somewhere.else":                           "",
	} {
		require.Equal(t, want, Announcement(subject, "failed"))
		require.False(t, want != "" && inStream(want), "announcements are not stored")
	}
}

func TestCommandsAreNotStored(t *testing.T) {
	require.Equal(t, "palinsesto.cmd.scheduling.requeue-many", CommandSubject("scheduling", "requeue-many"))
	require.False(t, inStream(CommandSubject("scheduling", "hold")))
}

// subject is the way back from what ParseSubject read.
func (a Address) subject() string {
	words := []string{"palinsesto", a.Aggregate}
	for _, w := range []string{a.Owner, a.ID} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, ".")
}

// inStream matches as NATS does: '*' is one word.
func inStream(subject string) bool {
	words := strings.Split(subject, ".")
	for _, filter := range StreamSubjects() {
		fs := strings.Split(filter, ".")
		ok := len(fs) == len(words)
		for i := 0; ok && i < len(fs); i++ {
			ok = fs[i] == "*" || fs[i] == words[i]
		}
		if ok {
			return true
		}
	}
	return false
}
