// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"fmt"
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

// conv converts in both directions and keeps the first value that has no place on the other side. A
// time that cannot be read is never taken for an absent one: "no expiry" would publish what is over.
type conv struct{ err error }

func (c *conv) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// stamp writes an instant; the zero time is an absent timestamp.
func (c *conv) stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	ts := timestamppb.New(t)
	if err := ts.CheckValid(); err != nil {
		c.fail("%w", err)
	}
	return ts
}

// instant reads what stamp wrote, in UTC.
func (c *conv) instant(ts *timestamppb.Timestamp) time.Time {
	if ts == nil {
		return time.Time{}
	}
	if err := ts.CheckValid(); err != nil {
		c.fail("%w", err)
		return time.Time{}
	}
	return ts.AsTime()
}

// written writes a time with its offset as RFC 3339, which has no seconds in an offset (local mean
// time before 1893 does): those lose the seconds of the offset and keep the instant.
func (c *conv) written(t time.Time) string {
	if t.IsZero() || !c.within(t) {
		return ""
	}
	if _, off := t.Zone(); off%60 != 0 {
		t = t.In(time.FixedZone("", off-off%60))
	}
	return t.Format(time.RFC3339Nano)
}

// read reads what written wrote. With time.Local it would answer with this machine's zone where the
// offsets agree, and with that zone's rules for other dates.
func (c *conv) read(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation(time.RFC3339Nano, s, time.UTC)
	if err != nil {
		c.fail("%w", err)
		return time.Time{}
	}
	if !c.within(t) {
		return time.Time{}
	}
	return t
}

// within tells whether RFC 3339 can write t and its instant: four digits of year, less than a day of offset.
func (c *conv) within(t time.Time) bool {
	_, off := t.Zone()
	year, utc := t.Year(), t.UTC().Year()
	ok := min(year, utc) >= 1 && max(year, utc) <= 9999 && off > -86400 && off < 86400
	if !ok {
		c.fail("time out of range: year %d, offset %ds", year, off)
	}
	return ok
}

func lasting(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

func (c *conv) duration(d *durationpb.Duration) time.Duration {
	if d == nil {
		return 0
	}
	if err := d.CheckValid(); err != nil {
		c.fail("%w", err)
		return 0
	}
	return d.AsDuration()
}

func (c *conv) int32(n int) int32 {
	if n < math.MinInt32 || n > math.MaxInt32 {
		c.fail("%d does not fit into 32 bits", n)
		return 0
	}
	return int32(n)
}

// prose mends broken UTF-8 in sentences, titles and networks' answers, which protobuf refuses: a
// verdict must not be lost because an answer was cut in the middle of a letter. Names, ids and what
// is published are not mended: Encode refuses them.
func prose(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// each converts a list; an empty one becomes nil.
func each[A, B any](in []A, f func(A) B) []B {
	if len(in) == 0 {
		return nil
	}
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}

func actorToPB(a palinsesto.Actor) *pb.Actor {
	if a == (palinsesto.Actor{}) {
		return nil
	}
	return &pb.Actor{Id: a.ID, Name: a.Name, Role: string(a.Role), Centre: a.Centre}
}

func actorFromPB(a *pb.Actor) palinsesto.Actor {
	return palinsesto.Actor{ID: a.GetId(), Name: a.GetName(), Role: palinsesto.Role(a.GetRole()), Centre: a.GetCentre()}
}

func problemToPB(p palinsesto.Problem) *pb.Problem {
	return &pb.Problem{Code: p.Code, Level: string(p.Level), Field: prose(p.Field), Text: prose(p.Text), TextEn: prose(p.TextEN)}
}

func problemFromPB(p *pb.Problem) palinsesto.Problem {
	return palinsesto.Problem{
		Code: p.GetCode(), Level: palinsesto.Level(p.GetLevel()), Field: p.GetField(),
		Text: p.GetText(), TextEN: p.GetTextEn(),
	}
}

func (c *conv) mediaToPB(m palinsesto.Media) *pb.Media {
	return &pb.Media{
		Hash: m.Hash, Filename: m.Filename, Alt: m.Alt, Kind: m.Kind, Mime: m.MIME,
		Bytes: m.Bytes, Width: c.int32(m.Width), Height: c.int32(m.Height),
	}
}

func (c *conv) mediaFromPB(m *pb.Media) palinsesto.Media {
	return palinsesto.Media{
		Hash: m.GetHash(), Filename: m.GetFilename(), Alt: m.GetAlt(), Kind: m.GetKind(), MIME: m.GetMime(),
		Bytes: m.GetBytes(), Width: int(m.GetWidth()), Height: int(m.GetHeight()),
	}
}
