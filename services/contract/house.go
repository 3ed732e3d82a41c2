// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

func (c *conv) channelToPB(ch palinsesto.Channel) *pb.Channel {
	return &pb.Channel{
		Id: ch.ID, State: string(ch.State), Reason: prose(ch.Reason), NotBefore: c.stamp(ch.NotBefore),
		Reserved: each(ch.Reserved, c.reservationToPB),
	}
}

func (c *conv) channelFromPB(ch *pb.Channel) palinsesto.Channel {
	return palinsesto.Channel{
		ID: ch.GetId(), State: palinsesto.ChannelState(ch.GetState()), Reason: ch.GetReason(), NotBefore: c.instant(ch.GetNotBefore()),
		Reserved: each(ch.GetReserved(), c.reservationFromPB),
	}
}

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
