# The business container of compose.yaml.
ARG PYTHON_IMAGE=python:3-alpine
FROM ${PYTHON_IMAGE}
COPY business.py /business.py
USER 1000:1000
ENTRYPOINT ["python3", "-u", "/business.py"]
