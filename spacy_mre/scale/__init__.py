"""Annotation of many texts: partition by partition, on several processes, on Ray and on Spark."""
