"""srtp-voice: telephone calls between two baresip telephones, with keys agreed in the signalling (SDES) or by DTLS
on the media port. Recorded are the media ports alone: SRTP, SRTCP and DTLS; the SIP signalling is in the clear."""

import audioop
import tempfile
import wave
from functools import cache
from pathlib import Path
from random import Random

from classes.base import TrafficClass
from content import sentence
from lab import RUN, Lab, Lease, run

VOICES = ("en-us", "en-gb", "de", "fr", "es", "it", "pl", "nl")
RECORDINGS = 16
# Codec as baresip names it: sample rate, channels.
CODECS = {"PCMU/8000/1": (8000, 1), "PCMA/8000/1": (8000, 1), "GSM/8000/1": (8000, 1), "G722/16000/1": (16000, 1),
          "opus/48000/2": (48000, 2)}
SERVER_MEDIA, CLIENT_MEDIA = (10000, 19990), (20000, 29990)


@cache
def start(lab: Lab) -> None:
    rng = Random("voice")
    (RUN / "voice").mkdir()
    for number in range(RECORDINGS):
        spoken = RUN / "voice" / f"{number}.wav"
        run("espeak-ng", "-v", rng.choice(VOICES), "-s", str(rng.randint(120, 190)), "-p", str(rng.randint(20, 80)),
            "-w", str(spoken), " ".join(sentence(rng) for _ in range(3)))
        for rate, channels in sorted(set(CODECS.values())):
            resample(spoken, rate, channels)


def resample(spoken: Path, rate: int, channels: int) -> None:
    """baresip plays a file only at the rate and channels of the codec."""
    with wave.open(str(spoken)) as source:
        frames, _state = audioop.ratecv(source.readframes(source.getnframes()), 2, 1, source.getframerate(), rate, None)
    with wave.open(str(spoken.with_suffix(f".{rate}.wav")), "wb") as target:
        target.setparams((channels, 2, rate, 0, "NONE", ""))
        target.writeframes(frames if channels == 1 else audioop.tostereo(frames, 2, 1, 1))


def telephone(folder: Path, name: str, address: str, signalling: int, media: tuple[int, int], codec: str, account: str,
              rng: Random) -> list[str]:
    """Writes a telephone's configuration and gives its command."""
    home = folder / name
    home.mkdir()
    first = rng.randrange(*media, 10)
    (home / "accounts").write_text(f"<sip:{name}@{address if ':' not in address else f'[{address}]'}>;regint=0;{account}\n")
    (home / "contacts").touch()
    modules = ("g711", "g722", "gsm", "opus", "dtls_srtp" if "dtls" in account else "srtp", "aufile", "aubridge", "uuid")
    (home / "config").write_text(
        f"poll_method epoll\nnet_interface {address}\nsip_listen {address if ':' not in address else f'[{address}]'}:{signalling}\n"
        f"audio_source aufile,{RUN}/voice/{rng.randrange(RECORDINGS)}.{CODECS[codec][0]}.wav\naudio_player aubridge,{name}\n"
        f"audio_alert aubridge,none\nrtp_ports {first}-{first + 8}\nrtcp_mux {rng.choice(('yes', 'no'))}\n"
        f"jitter_buffer_delay 5-10\nopus_bitrate {rng.choice((12000, 20000, 32000))}\nmodule_path /usr/lib/baresip/modules\n"
        + "".join(f"module {module}.so\n" for module in modules) + "module_app account.so\nmodule_app menu.so\n")
    return ["baresip", "-6" if ":" in address else "-4", "-f", str(home)]


def session(lab: Lab, lease: Lease, rng: Random) -> None:
    codec = rng.choice(list(CODECS))
    packet_time = rng.choice((20, 20, 40, 60)) if not codec.startswith("GSM") else 20
    # baresip 1.0 does not finish DTLS between IPv6 addresses.
    security = "dtls_srtp" if lease.version == 4 and rng.random() < 0.25 else "srtp-mand"
    account = f"mediaenc={security};audio_codecs={codec};ptime={packet_time}"
    with tempfile.TemporaryDirectory(dir=RUN) as folder:
        home = Path(folder)
        answering = telephone(home, "desk", lease.address, 5060, SERVER_MEDIA, codec, account + ";answermode=auto", rng)
        calling = telephone(home, "mobile", lease.client, 5100 + lease.index, CLIENT_MEDIA, codec, account, rng)
        log = f"baresip-{lease.index}"
        desk = lab.serve(log, *answering)
        try:
            lab.await_log(log, "baresip is ready")
            lab.script("telephone.py", rng.uniform(0.2, 0.7), *calling, "-e", f"/dial sip:desk@{lease.bracketed}:5060")
        finally:
            desk.terminate()
            desk.wait(10)


CLASS = TrafficClass("srtp-voice", "calls with SRTP, keys by SDES or DTLS, five codecs: baresip",
                     ("baresip-core", "espeak-ng"), "udp and (portrange 10000-29999)", start, session,
                     sessions=7)
