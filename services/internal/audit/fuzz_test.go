// SPDX-License-Identifier: AGPL-3.0-or-later

package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/audit"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// A log that another version wrote, or nobody sane, is read to its end, and at most as much is told as was asked.
func FuzzCheck(f *testing.F) {
	samples, err := filepath.Glob("../../../proto/golden/*Event*.binpb")
	require.NoError(f, err)
	require.NotEmpty(f, samples)
	subjects := []string{contract.SegSubject("jesi", segID), contract.PostSubject("telegram-marche", postID), contract.ChannelSubject("telegram-marche"),
		contract.TokenSubject(segID), contract.HoldSubject, contract.AlertSubject(segID), "palinsesto.plan.x.2026-12"}
	for i, name := range samples {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		kind, _, _ := strings.Cut(filepath.Base(name), "Event")
		at := map[string]uint8{"Segnalazione": 0, "Post": 1, "Channel": 2, "Token": 3, "Hold": 4, "Alert": 5}[kind]
		f.Add(at, "submitted", data, at, []string{"approved", "due", "publishing", "posted", "uncertain"}[i%5], append(data, 0xa2, 0x38, 1, 'x'))
	}
	f.Fuzz(func(t *testing.T, whereA uint8, eventA string, a []byte, whereB uint8, eventB string, b []byte) {
		records := func(yield func(bus.Record, error) bool) {
			for i, r := range []bus.Record{{Subject: subjects[int(whereA)%len(subjects)], Event: eventA, Data: a},
				{Subject: subjects[int(whereB)%len(subjects)], Event: eventB, Data: b}, {Subject: eventA, Event: eventB, Data: b}} {
				r.Seq, r.Time = uint64(i+1), t0.Add(time.Duration(i)*time.Second)
				if !yield(r, nil) {
					return
				}
			}
		}
		found, err := audit.Check(records, 2)
		require.NoError(t, err)
		require.LessOrEqual(t, len(found), 2)
		for _, p := range found {
			require.NotEmpty(t, p.Code)
			require.Contains(t, []palinsesto.Level{palinsesto.LevelError, palinsesto.LevelMark, palinsesto.LevelNote}, p.Level)
		}
	})
}
