"""Runs in Airflow's own environment: drive_airflow.py DAG_FOLDER [DAG]; one JSON object on the last line of stdout.

Without a DAG, what the DAGs are; with one, its tasks are run, and their states and tries are told.
"""

import json
import sys
from datetime import timedelta

from airflow.dag_processing.dagbag import DagBag


def main(folder, dag_id=None):
    bag = DagBag(folder)
    told = {"errors": dict(bag.import_errors)}
    if dag_id is None:
        told["dags"] = {name: facts(dag) for name, dag in bag.dags.items()}
    else:
        dag = bag.dags[dag_id]
        for task in dag.tasks:
            task.retry_delay = task.max_retry_delay = timedelta(seconds=1)  # so that a test need not wait
        run = dag.test()
        told["tasks"] = {task.task_id: [task.state, task.try_number] for task in run.get_task_instances()}
    print(json.dumps(told))


def facts(dag):
    return {
        "tasks": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
        "timeouts_seconds": [task.execution_timeout.total_seconds() for task in dag.tasks],
        "retries": sorted({task.retries for task in dag.tasks}),
        "max_active_runs": dag.max_active_runs,
        "catchup": dag.catchup,
        "schedule": dag.timetable.expression if hasattr(dag.timetable, "expression") else str(dag.schedule),
    }


main(*sys.argv[1:])
