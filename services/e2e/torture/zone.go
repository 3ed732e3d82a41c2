// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// zoneName is the organisation's time zone: that of Italy, but for both Sundays on which the clocks are
// turned, which come in the middle of the run. A house that lives by the wall sees the hour that does not
// exist and the hour that comes twice; the log's time, which all else is compared with, stays what it is.
const zoneName = "Torture/Rome"

// The Sundays, as faults are called.
const (
	springSunday = "dst-spring"
	autumnSunday = "dst-autumn"
)

func (r *run) zones() string { return filepath.Join(r.dir, "zoneinfo") }

// openZone writes the zone where Go's ZONEINFO finds it.
func (r *run) openZone(spring, autumn time.Time) error {
	r.spring, r.autumn = spring, autumn
	data := zoneData(spring, autumn)
	file := filepath.Join(r.zones(), filepath.FromSlash(zoneName))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return err
	}
	var err error
	r.zone, err = time.LoadLocationFromTZData(zoneName, data)
	return err
}

// turnClocks notes the Sundays as they pass.
func (r *run) turnClocks(ctx context.Context) {
	for _, sunday := range []struct {
		name string
		at   time.Time
	}{{springSunday, r.spring}, {autumnSunday, r.autumn}} {
		if !wait.For(ctx, time.Until(sunday.at)) {
			return
		}
		r.did(sunday.name)
	}
}

// zoneData is a zone in the second version of the format of RFC 9636: CET until spring, CEST until autumn,
// CET from then on.
func zoneData(spring, autumn time.Time) []byte {
	const cet, cest = 3600, 7200
	var b bytes.Buffer
	header := func(transitions, types, chars uint32) {
		b.WriteString("TZif2")
		b.Write(make([]byte, 15))
		for _, n := range []uint32{0, 0, 0, transitions, types, chars} {
			b.Write(binary.BigEndian.AppendUint32(nil, n))
		}
	}
	kind := func(offset uint32, summer, name byte) {
		b.Write(binary.BigEndian.AppendUint32(nil, offset))
		b.Write([]byte{summer, name})
	}
	header(0, 1, 4) // the first version, which nobody reads any more
	kind(cet, 0, 0)
	b.WriteString("CET\x00")
	header(2, 2, 9)
	for _, t := range []time.Time{spring, autumn} {
		b.Write(binary.BigEndian.AppendUint64(nil, uint64(t.Unix())))
	}
	b.Write([]byte{1, 0})
	kind(cet, 0, 0)
	kind(cest, 1, 4)
	b.WriteString("CET\x00CEST\x00")
	b.WriteString("\nCET-1\n")
	return b.Bytes()
}
