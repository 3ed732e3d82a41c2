// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import "github.com/palinsesto/palinsesto/services/palinsesto"

// One pair per command; the subject of each stands with its message in proto/palinsesto/v1/commands.proto.

// EncodeSubmit writes the command to intake.submit.
func EncodeSubmit(x palinsesto.Submit) ([]byte, error) { return submit.encode(x) }

// DecodeSubmit reads what EncodeSubmit wrote.
func DecodeSubmit(b []byte) (palinsesto.Submit, error) { return submit.decode(b) }

// EncodeRevise writes the command to intake.revise.
func EncodeRevise(x palinsesto.Revise) ([]byte, error) { return revise.encode(x) }

// DecodeRevise reads what EncodeRevise wrote.
func DecodeRevise(b []byte) (palinsesto.Revise, error) { return revise.decode(b) }

// EncodeApprove writes the command to approval.approve.
func EncodeApprove(x palinsesto.Approve) ([]byte, error) { return approve.encode(x) }

// DecodeApprove reads what EncodeApprove wrote.
func DecodeApprove(b []byte) (palinsesto.Approve, error) { return approve.decode(b) }

// EncodeDecide writes the command to approval.{reject,request-changes,withdraw,comment}.
func EncodeDecide(x palinsesto.Decide) ([]byte, error) { return decide.encode(x) }

// DecodeDecide reads what EncodeDecide wrote.
func DecodeDecide(b []byte) (palinsesto.Decide, error) { return decide.decode(b) }

// EncodePostCommand writes the command to scheduling.{requeue,cancel,resolve,remove}.
func EncodePostCommand(x palinsesto.PostCommand) ([]byte, error) { return postCommand.encode(x) }

// DecodePostCommand reads what EncodePostCommand wrote.
func DecodePostCommand(b []byte) (palinsesto.PostCommand, error) { return postCommand.decode(b) }

// EncodeRequeueMany writes the command to scheduling.requeue-many.
func EncodeRequeueMany(x palinsesto.RequeueMany) ([]byte, error) { return requeueMany.encode(x) }

// DecodeRequeueMany reads what EncodeRequeueMany wrote.
func DecodeRequeueMany(b []byte) (palinsesto.RequeueMany, error) { return requeueMany.decode(b) }

// EncodePlaceHold writes the command to scheduling.hold.
func EncodePlaceHold(x palinsesto.PlaceHold) ([]byte, error) { return placeHold.encode(x) }

// DecodePlaceHold reads what EncodePlaceHold wrote.
func DecodePlaceHold(b []byte) (palinsesto.PlaceHold, error) { return placeHold.decode(b) }

// EncodeLiftHold writes the command to scheduling.lift.
func EncodeLiftHold(x palinsesto.LiftHold) ([]byte, error) { return liftHold.encode(x) }

// DecodeLiftHold reads what EncodeLiftHold wrote.
func DecodeLiftHold(b []byte) (palinsesto.LiftHold, error) { return liftHold.decode(b) }

// EncodeSetChannel writes the command to scheduling.{pause,resume,reconnected}.
func EncodeSetChannel(x palinsesto.SetChannel) ([]byte, error) { return setChannel.encode(x) }

// DecodeSetChannel reads what EncodeSetChannel wrote.
func DecodeSetChannel(b []byte) (palinsesto.SetChannel, error) { return setChannel.decode(b) }

// EncodeTestChannel writes the command to publishing.test.
func EncodeTestChannel(x palinsesto.TestChannel) ([]byte, error) { return testChannel.encode(x) }

// DecodeTestChannel reads what EncodeTestChannel wrote.
func DecodeTestChannel(b []byte) (palinsesto.TestChannel, error) { return testChannel.decode(b) }

// EncodeAcceptMedia writes the command to media.accept.
func EncodeAcceptMedia(x palinsesto.AcceptMedia) ([]byte, error) { return acceptMedia.encode(x) }

// DecodeAcceptMedia reads what EncodeAcceptMedia wrote.
func DecodeAcceptMedia(b []byte) (palinsesto.AcceptMedia, error) { return acceptMedia.decode(b) }

// EncodeDeriveMedia writes the command to media.derive.
func EncodeDeriveMedia(x palinsesto.DeriveMedia) ([]byte, error) { return deriveMedia.encode(x) }

// DecodeDeriveMedia reads what EncodeDeriveMedia wrote.
func DecodeDeriveMedia(b []byte) (palinsesto.DeriveMedia, error) { return deriveMedia.decode(b) }
