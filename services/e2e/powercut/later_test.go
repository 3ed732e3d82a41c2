// SPDX-License-Identifier: AGPL-3.0-or-later

package powercut_test

import (
	"context"
	"io/fs"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/e2e/powercut"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/durable"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
)

// The server begins a new file of messages every 8 MiB, and never flushes the folder that it is in. To the
// letter of fsync(2) all that was acknowledged since would go with its name, were it not for the switch of
// the file system that KeepNames sets; without it, it does.
func TestLaterFilesOfTheLog(t *testing.T) {
	const events = 60 // of 200 KiB: two files
	for name, atOnce := range map[string]bool{"kept": true, "the counter-proof": false} {
		t.Run(name, func(t *testing.T) {
			r := mount(t, powercut.Letter)
			s, b := r.log()
			require.NoError(t, s.KeepNames())
			if !atOnce {
				r.namesWhenever()
			}
			for n := range uint64(events) {
				_, err := b.Append(t.Context(), bus.Append{Subject: contract.HoldSubject, Event: "placed", Expect: n, Data: make([]byte, 200<<10)})
				require.NoError(t, err)
			}
			r.disk.Cut(nil)
			b.Close()
			s.Stop()
			require.NoError(t, r.disk.Restore())
			s, b = r.log()
			last, err := b.LastSeq(t.Context())
			require.NoError(t, err)
			b.Close()
			s.Stop()
			if atOnce {
				require.Equal(t, uint64(events), last)
			} else {
				require.Less(t, last, uint64(events))
			}
		})
	}
}

func (r *rig) log() (*embednats.Server, *bus.Bus) {
	r.t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	s, err := embednats.Start(embednats.Options{Dir: r.path("nats"), User: "test", Password: "test", Log: quiet})
	require.NoError(r.t, err)
	b, err := bus.Connect(context.Background(), bus.Options{Name: "test", Server: s, User: "test", Password: "test", Log: quiet})
	require.NoError(r.t, err)
	require.NoError(r.t, durable.Flush(r.dir))
	return s, b
}

// namesWhenever takes the switch back.
func (r *rig) namesWhenever() {
	r.t.Helper()
	require.NoError(r.t, filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		_, err = durable.Names(path, false)
		return err
	}))
}
