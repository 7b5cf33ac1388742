"""The process floor: BPMN and DMN files in, running instances out. Nothing else imports SpiffWorkflow."""

from portal.workflow.definitions import Definition, load_definitions
from portal.workflow.drawing import Step, draw, steps
from portal.workflow.instance import Engine, Instance, OpenTask

__all__ = ["Definition", "Engine", "Instance", "OpenTask", "Step", "draw", "load_definitions", "steps"]
