-- +goose Up

-- PostgreSQL has its paces since version 7.
SELECT 1;
