import { deepMerge, type Json } from "./fields.ts";

/**
 * Settings of a call of type "default": the microphone is published on join, the camera stays off (the SFU of the local
 * cloud carries audio only). `settings_override` of a call is merged over it.
 */
const defaultSettings = (inactivityTimeoutSeconds: number): Json => ({
  audio: {
    access_request_enabled: true,
    default_device: "speaker",
    hifi_audio_enabled: false,
    mic_default_on: true,
    noise_cancellation: { mode: "disabled" },
    opus_dtx_enabled: true,
    redundant_coding_enabled: false,
    speaker_default_on: true,
  },
  video: {
    access_request_enabled: true,
    camera_default_on: false,
    camera_facing: "front",
    enabled: false,
    target_resolution: { width: 1280, height: 720, bitrate: 1_500_000 },
  },
  screensharing: {
    access_request_enabled: true,
    enabled: false,
    target_resolution: { width: 1920, height: 1080, bitrate: 2_500_000 },
  },
  backstage: { enabled: false },
  broadcasting: {
    enabled: false,
    hls: { auto_on: false, enabled: false, quality_tracks: [] },
    rtmp: { enabled: false, quality: "720p" },
  },
  encryption: { mode: "disabled" },
  frame_recording: { capture_interval_in_seconds: 2, mode: "disabled" },
  geofencing: { names: [] },
  individual_recording: { mode: "disabled" },
  limits: { max_participants_exclude_roles: [] },
  raw_recording: { mode: "disabled" },
  recording: { audio_only: false, mode: "disabled", quality: "720p" },
  ring: { auto_cancel_timeout_ms: 15_000, incoming_call_timeout_ms: 15_000, missed_call_timeout_ms: 0 },
  session: { inactivity_timeout_seconds: inactivityTimeoutSeconds },
  thumbnails: { enabled: false },
  transcription: { closed_caption_mode: "disabled", language: "auto", mode: "disabled" },
});

/** What the types that Stream comes with have other than "default": in these, hosts prepare before others may come. */
const differences: Record<string, Json> = {
  audio_room: { backstage: { enabled: true }, audio: { mic_default_on: false } },
  livestream: { backstage: { enabled: true } },
};

/** Settings of a new call of a type; a type that is not known is like "default". */
export const settingsOf = (type: string, inactivityTimeoutSeconds: number): Json =>
  deepMerge(defaultSettings(inactivityTimeoutSeconds), differences[type] ?? {});
