// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
)

// small is the least that is valid: everything else is a default.
const small = `organisation:
  name: Ente di prova
centres:
  - {id: ancona, name: CpI Ancona, province: AN}
  - {id: jesi, name: CpI Jesi, province: AN}
channels:
  - id: telegram-prova
    network: telegram
    target: "@prova"
    token_env: PROVA_TOKEN
`

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse([]byte(text), "prova.yaml")
	require.NoError(t, err)
	return c
}

func TestDefaults(t *testing.T) {
	c := parse(t, small)
	require.Equal(t, config.Organisation{Name: "Ente di prova", Timezone: "Europe/Rome", Language: "it"}, c.Organisation)
	require.Equal(t, "Europe/Rome", c.Location().String())
	require.Equal(t, config.Publishing{
		Grace: 30 * time.Minute, GraceByKind: map[string]time.Duration{},
		Lease: 30 * time.Second, CallDeadline: 10 * time.Second, CallTimeout: 60 * time.Second,
		Retry: config.Retry{First: 30 * time.Second, Max: 15 * time.Minute, Factor: 2, Jitter: 0.2},
	}, c.Publishing)
	require.Equal(t, int64(512<<20), c.Log.FreeSpaceFloor)
	require.Equal(t, config.Alerts{Quiet: 10 * time.Minute, Remind: 24 * time.Hour, NothingDue: true, NothingDueAt: 9 * 60}, c.Alerts)
	require.Equal(t, config.Media{ImageBytes: 20 << 20, ImagePixels: 50_000_000, VideoBytes: 256 << 20, PerItem: 10}, c.Media)
	require.False(t, c.Review.AllowsSelfApproval("ancona"))

	ch := c.Channels[0]
	require.Zero(t, ch.Spacing)
	require.Zero(t, ch.Limits)
	require.Empty(t, ch.APIBase)
	require.True(t, ch.Serves("jesi"))
	require.Equal(t, config.Options{LinkPreview: true, SilentFrom: 22 * 60, SilentTo: 7 * 60, Workers: 4}, ch.Options)
}

func TestEverythingGiven(t *testing.T) {
	c, err := config.Load(filepath.Join("testdata", "full.yaml"))
	require.NoError(t, err)
	require.Equal(t, "Europe/Berlin", c.Location().String())
	require.Equal(t, 2*time.Hour, c.Publishing.GraceOf("avviso"))
	require.Equal(t, 45*time.Minute, c.Publishing.GraceOf("evento"))
	require.Equal(t, config.Retry{First: time.Second, Max: time.Minute, Factor: 1.5, Jitter: 0}, c.Publishing.Retry)
	require.Equal(t, config.Media{ImageBytes: 1 << 20, ImagePixels: 20_000_000, VideoBytes: 1 << 30, PerItem: 4}, c.Media)
	require.True(t, c.Review.AllowsSelfApproval("jesi"))
	require.False(t, c.Review.AllowsSelfApproval("ancona"))
	require.Equal(t, int64(1000), c.Log.FreeSpaceFloor)
	require.Equal(t, []config.Slot{
		{Channel: "tg-a", Weekday: time.Monday, Time: 9*60 + 30},
		{Channel: "tg-a", Weekday: time.Friday, Time: 0},
		{Channel: "tg-b", Weekday: time.Friday, Time: 0},
	}, c.Slots)

	requireAlerts(t, c.Alerts)
	require.Equal(t, config.Backup{Folder: filepath.Join("testdata", "copie"), Cron: "15 1,13 * * *", Keep: 3, MaxAge: 20 * time.Hour}, c.Backup)
	ch, ok := c.Channel("tg-a")
	require.True(t, ok)
	require.Equal(t, "-1001234567890", ch.Target)
	require.Equal(t, "http://127.0.0.1:8081", ch.APIBase)
	require.Equal(t, 90*time.Second, ch.Spacing)
	require.Equal(t, config.Limits{PerSecond: 1, PerMinute: 20, Burst: 3}, ch.Limits)
	require.Equal(t, config.Options{AltInText: true, SilentFrom: 23*60 + 15, SilentTo: 6 * 60, Workers: 8}, ch.Options)
}

func TestLookups(t *testing.T) {
	c, err := config.Load(filepath.Join("testdata", "full.yaml"))
	require.NoError(t, err)
	centre, ok := c.Centre("jesi")
	require.True(t, ok)
	require.Equal(t, config.Centre{ID: "jesi", Name: "CpI Jesi", Province: "AN"}, centre)
	_, ok = c.Centre("fano")
	require.False(t, ok)
	_, ok = c.Channel("nessuno")
	require.False(t, ok)

	require.Equal(t, []string{"tg-b", "tg-a"}, ids(c.ChannelsOf("telegram", "ancona")), "the file's order")
	require.Equal(t, []string{"tg-a"}, ids(c.ChannelsOf("telegram", "jesi")))
	require.Equal(t, []string{"fb"}, ids(c.ChannelsOf("facebook", "jesi")))
	require.Empty(t, c.ChannelsOf("x", "jesi"))
}

func ids(all []config.Channel) []string {
	var names []string
	for _, c := range all {
		names = append(names, c.ID)
	}
	return names
}

func TestSilentHours(t *testing.T) {
	rome := parse(t, small).Location()
	at := func(clock string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", "2026-11-22 "+clock, rome)
		require.NoError(t, err)
		return v
	}
	night := config.Options{SilentFrom: 22 * 60, SilentTo: 7 * 60}
	siesta := config.Options{SilentFrom: 13 * 60, SilentTo: 15 * 60}
	never := config.Options{SilentFrom: 600, SilentTo: 600}
	for clock, want := range map[string][3]bool{
		"00:00": {true, false, false}, "06:59": {true, false, false}, "07:00": {false, false, false},
		"10:00": {false, false, false}, "13:00": {false, true, false}, "14:59": {false, true, false},
		"15:00": {false, false, false}, "21:59": {false, false, false}, "22:00": {true, false, false},
	} {
		got := [3]bool{night.Silent(at(clock)), siesta.Silent(at(clock)), never.Silent(at(clock))}
		require.Equal(t, want, got, clock)
	}
}

func TestFingerprintIsOfTheMeaning(t *testing.T) {
	c := parse(t, small)
	again := parse(t, "# a comment\n"+small+"log: {free_space_floor: 512MiB}\n")
	require.Len(t, c.Fingerprint(), 12)
	require.Equal(t, c.Fingerprint(), again.Fingerprint())
	again.Override(func(ch *config.Channel) { ch.APIBase = "http://127.0.0.1:1" })
	require.Equal(t, "http://127.0.0.1:1", again.Channels[0].APIBase)
	require.NotEqual(t, c.Fingerprint(), again.Fingerprint())
}

func TestLoadTellsAMissingFile(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "assente.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "--config")
}

// TestShippedSamples: an example that has rotted must not reach a newcomer.
func TestShippedSamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(deployDir(t), "*.yaml"))
	require.NoError(t, err)
	read := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		if !bytes.Contains(data, []byte("\norganisation:")) {
			continue // compose and the like
		}
		read++
		c, err := config.Parse(data, file)
		require.NoError(t, err)
		t.Setenv("PALINSESTO_SAMPLE_TOKEN", "123:abc")
		c.Override(func(ch *config.Channel) { ch.TokenFile, ch.TokenEnv = "", "PALINSESTO_SAMPLE_TOKEN" })
		for _, ch := range c.Channels {
			token, err := ch.Token()
			require.NoError(t, err)
			require.Equal(t, "123:abc", token)
		}
	}
	require.NotZero(t, read)
}

func TestMarcheSample(t *testing.T) {
	c, err := config.Load(filepath.Join(deployDir(t), "marche.yaml"))
	require.NoError(t, err)
	provinces := map[string]int{}
	for _, centre := range c.Centres {
		provinces[centre.Province]++
		require.True(t, strings.HasPrefix(centre.Name, "Centro per l'Impiego di "), centre.Name)
		require.Equal(t, []string{"telegram-marche"}, ids(c.ChannelsOf("telegram", centre.ID)))
	}
	require.Equal(t, map[string]int{"PU": 3, "AN": 4, "MC": 3, "FM": 1, "AP": 2}, provinces)
	require.Equal(t, "@lavoromarche", c.Channels[0].Target)
}

// TestMarcheSampleComments holds the commented keys to the defaults they claim.
func TestMarcheSampleComments(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(deployDir(t), "marche.yaml"))
	require.NoError(t, err)
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		for _, key := range []string{"lease:", "call_deadline:", "call_timeout:", "retry:", "first:", "max:", "factor:", "jitter:",
			"media:", "image_bytes:", "image_pixels:", "video_bytes:", "per_item:", "log:", "free_space_floor:"} {
			if bare := strings.Replace(line, "# ", "", 1); strings.HasPrefix(strings.TrimSpace(bare), key) {
				lines[i] = bare
			}
		}
	}
	shown, err := config.Parse([]byte(strings.Join(lines, "\n")), "marche.yaml")
	require.NoError(t, err)
	plain, err := config.Parse(data, "marche.yaml")
	require.NoError(t, err)
	require.NotEqual(t, string(data), strings.Join(lines, "\n"))
	require.Equal(t, plain.Fingerprint(), shown.Fingerprint())
}

// deployDir walks up to the folder of go.work.
func deployDir(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return filepath.Join(dir, "deploy")
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "no go.work above the test")
		dir = filepath.Dir(dir)
	}
}
