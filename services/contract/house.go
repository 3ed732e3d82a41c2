// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

func (c *conv) channelToPB(ch palinsesto.Channel) *pb.Channel {
	out := &pb.Channel{Id: ch.ID, State: string(ch.State), Reason: prose(ch.Reason), NotBefore: c.stamp(ch.NotBefore), Test: c.testToPB(ch.Test)}
	if !pack(out, ch.Reserved) {
		out.Reserved = each(ch.Reserved, c.reservationToPB)
	}
	return out
}

func (c *conv) channelFromPB(ch *pb.Channel) palinsesto.Channel {
	return palinsesto.Channel{
		ID: ch.GetId(), State: palinsesto.ChannelState(ch.GetState()), Reason: ch.GetReason(), NotBefore: c.instant(ch.GetNotBefore()),
		Reserved: append(each(ch.GetReserved(), c.reservationFromPB), c.unpack(ch)...), Test: c.testFromPB(ch.GetTest()),
	}
}

func (c *conv) testToPB(t *palinsesto.ChannelTest) *pb.ChannelTest {
	if t == nil {
		return nil
	}
	return &pb.ChannelTest{
		Id: t.ID, By: actorToPB(t.By), At: c.stamp(t.At), Run: t.Run, Lasts: lasting(t.Lasts), Verdict: t.Verdict,
		Cause: t.Cause, Problem: prose(t.Problem), RemoteIds: each(t.RemoteIDs, prose), Link: prose(t.Link), Took: lasting(t.Took),
		Afterwards: t.Afterwards, Earlier: t.Earlier,
	}
}

func (c *conv) testFromPB(t *pb.ChannelTest) *palinsesto.ChannelTest {
	if t == nil {
		return nil
	}
	return &palinsesto.ChannelTest{
		ID: t.GetId(), By: actorFromPB(t.GetBy()), At: c.instant(t.GetAt()), Run: t.GetRun(), Lasts: c.duration(t.GetLasts()), Verdict: t.GetVerdict(),
		Cause: t.GetCause(), Problem: t.GetProblem(), RemoteIDs: t.GetRemoteIds(), Link: t.GetLink(), Took: c.duration(t.GetTook()),
		Afterwards: t.GetAfterwards(), Earlier: t.GetEarlier(),
	}
}

// pack writes reservations in little room; false: one of them does not go into it, and nothing was written.
func pack(out *pb.Channel, reserved []palinsesto.Reservation) bool {
	posts, moments := make([]byte, 0, idBytes*len(reserved)), make([]int64, 0, len(reserved))
	before := int64(0)
	for _, r := range reserved {
		at := r.At.UnixNano()
		if !palinsesto.ValidID(r.Post) || !time.Unix(0, at).Equal(r.At) { // so far away that nanoseconds overflow
			return false
		}
		id, err := hex.AppendDecode(posts, []byte(strings.ReplaceAll(r.Post, "-", "")))
		if err != nil {
			return false
		}
		posts, moments, before = id, append(moments, at-before), at
	}
	out.ReservedPosts, out.ReservedAt = posts, moments
	return true
}

// unpack reads what pack wrote.
func (c *conv) unpack(ch *pb.Channel) []palinsesto.Reservation {
	posts, moments := ch.GetReservedPosts(), ch.GetReservedAt()
	if len(posts) != idBytes*len(moments) {
		c.fail("%d moments for %d bytes of posts", len(moments), len(posts))
		return nil
	}
	var out []palinsesto.Reservation
	at := int64(0)
	for i, id := range slices.Collect(slices.Chunk(posts, idBytes)) {
		at += moments[i]
		post := fmt.Sprintf("%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:])
		out = append(out, palinsesto.Reservation{Post: post, At: time.Unix(0, at).UTC()})
	}
	return out
}

const idBytes = 16 // of a UUID

func (c *conv) reservationToPB(r palinsesto.Reservation) *pb.Reservation {
	return &pb.Reservation{Post: r.Post, At: c.stamp(r.At)}
}

func (c *conv) reservationFromPB(r *pb.Reservation) palinsesto.Reservation {
	return palinsesto.Reservation{Post: r.GetPost(), At: c.instant(r.GetAt())}
}

func (c *conv) holdToPB(h palinsesto.Hold) *pb.Hold {
	return &pb.Hold{
		Id: h.ID, Scope: string(h.Scope), Value: h.Value, Reason: prose(h.Reason), By: actorToPB(h.By), At: c.stamp(h.At),
	}
}

func (c *conv) holdFromPB(h *pb.Hold) palinsesto.Hold {
	return palinsesto.Hold{
		ID: h.GetId(), Scope: palinsesto.Scope(h.GetScope()), Value: h.GetValue(), Reason: h.GetReason(),
		By: actorFromPB(h.GetBy()), At: c.instant(h.GetAt()),
	}
}

func (c *conv) tokenToPB(t palinsesto.Token) *pb.Token {
	return &pb.Token{
		Id: t.ID, Name: t.Name, Role: string(t.Role), Centre: t.Centre, Hash: t.Hash,
		Made: c.stamp(t.Made), MadeBy: actorToPB(t.MadeBy), Revoked: c.stamp(t.Revoked),
	}
}

func (c *conv) tokenFromPB(t *pb.Token) palinsesto.Token {
	return palinsesto.Token{
		ID: t.GetId(), Name: t.GetName(), Role: palinsesto.Role(t.GetRole()), Centre: t.GetCentre(), Hash: t.GetHash(),
		Made: c.instant(t.GetMade()), MadeBy: actorFromPB(t.GetMadeBy()), Revoked: c.instant(t.GetRevoked()),
	}
}

func (c *conv) alertToPB(a palinsesto.Alert) *pb.Alert {
	return &pb.Alert{
		Id: a.ID, Kind: string(a.Kind), Scope: a.Scope, Cause: a.Cause, State: string(a.State),
		Count: int32(a.Count), Examples: a.Examples, Detail: prose(a.Detail),
		Raised: c.stamp(a.Raised), Over: c.stamp(a.Over), Message: a.Message, Decided: c.stamp(a.Decided),
		Ways: each(a.Ways, alertWayToPB),
	}
}

func (c *conv) alertFromPB(a *pb.Alert) palinsesto.Alert {
	return palinsesto.Alert{
		ID: a.GetId(), Kind: palinsesto.AlertKind(a.GetKind()), Scope: a.GetScope(), Cause: a.GetCause(),
		State: palinsesto.AlertState(a.GetState()), Count: int(a.GetCount()), Examples: a.GetExamples(), Detail: a.GetDetail(),
		Raised: c.instant(a.GetRaised()), Over: c.instant(a.GetOver()), Message: a.GetMessage(), Decided: c.instant(a.GetDecided()),
		Ways: each(a.GetWays(), alertWayFromPB),
	}
}

func alertWayToPB(w palinsesto.AlertWay) *pb.AlertWay {
	return &pb.AlertWay{Way: w.Way, Told: w.Told, Worker: w.Worker}
}

func alertWayFromPB(w *pb.AlertWay) palinsesto.AlertWay {
	return palinsesto.AlertWay{Way: w.GetWay(), Told: w.GetTold(), Worker: w.GetWorker()}
}
