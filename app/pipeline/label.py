"""The AI label: every answer says that it was generated, to readers and to programs (GB 45438-2025)."""

from dataclasses import dataclass, replace

from app.pipeline.consultation import Consultation

LABEL = "本回答由人工智能生成"


@dataclass(frozen=True)
class LabelStage:
    """Adds the implicit label, which stays with the text wherever it is copied.

    Attributes:
        producer: Name or code of who is responsible for generated text.
    """

    producer: str

    async def __call__(self, consultation: Consultation) -> Consultation:
        """See ``PipelineStage``; Label 1 means that the text certainly was generated."""
        label = {
            "Label": "1",
            "ContentProducer": self.producer,
            "ProduceID": consultation.request_id,
            "ReservedCode1": "",
            "ContentPropagator": self.producer,
            "PropagateID": consultation.request_id,
            "ReservedCode2": "",
        }
        return replace(consultation, metadata={"AIGC": label})
